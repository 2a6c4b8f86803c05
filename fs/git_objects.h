// `.git/objects` of a view: the packs of the store, and a way to fetch what is not in them yet.
#pragma once

#include "fs/inode_number.h"
#include "fs/node.h"
#include "fs/view.h"

namespace reposfs {

// What is on the disk, as it is whenever git looks.  REQUIRES: the view is resolved.
NodePtr MakeObjectsDirectory(const InodeIdentity& git_directory, const ViewPtr& view);

}  // namespace reposfs
