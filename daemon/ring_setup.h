// Makes the members of the ring out of the configuration.
//
// Thread-safety: pure functions that read the files which the configuration names.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "daemon/config.h"
#include "ring/membership.h"

namespace reposfs {

enum class RingRole {
  kNode,      // Serves as ring.nodeId, and announces itself where nodes do.
  kObserver,  // Another process of a node that runs already: it knows the members, no more.
};

// Not started.  Its changes are logged.  `clock` must outlive it.
// REQUIRES: config.ring.enabled.
// Errors: those of reading ring.tokenFile and ring.etcd.passwordFile; kInvalidArgument if there is
// no secret in them.
Result<std::unique_ptr<Membership>> MakeMembership(const Config& config, RingRole role,
                                                   const Clock& clock);

}  // namespace reposfs
