// The directories above the repositories: hosts, owners, and the names of repositories.
//
// Listing them shows what is in the cache and never goes to the network.  Looking a repository up
// does: it waits for the host's word that it exists, for a bounded time, and for nothing else.
#pragma once

#include "fs/node.h"
#include "fs/view.h"

namespace reposfs {

// The root of the mount.  `mount` must outlive every node.
NodePtr MakeMountRoot(const MountContext& mount);

}  // namespace reposfs
