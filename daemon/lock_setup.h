// Chooses who keeps the locks: etcd in a ring that has one, else the catalog of this machine.
#pragma once

#include <memory>

#include "base/lock_service.h"
#include "base/result.h"
#include "daemon/config.h"

namespace reposfs {

// Errors: those of OpenCatalogLocks(); those of reading ring.etcd.passwordFile.  An etcd that does
// not answer is none: whoever wants a lock is told.
// REQUIRES: the cache directory exists.
Result<std::unique_ptr<LockService>> OpenLocks(const Config& config);
// Whether those are the locks of all nodes of a ring.
bool AreOfRing(const Config& config);

}  // namespace reposfs
