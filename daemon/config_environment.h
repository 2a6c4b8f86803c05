// Applies REPOSFS_* environment variables to a Config.
//
// Every key of the file has one: cache.neverEvict is REPOSFS_CACHE_NEVER_EVICT, with the elements
// of a list separated by commas.  What is a map in the file is a list here:
//   REPOSFS_HOSTS=github.com,mirror=file:///srv/git/{owner}/{name}.git
//   REPOSFS_HISTORY=complete,github.com/torvalds/*=none
//   REPOSFS_RING_NODES=node-1=http://10.0.0.1:7420,node-2=http://10.0.0.2:7420
//
// Thread-safety: pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "daemon/config.h"

namespace reposfs {

// "REPOSFS_CACHE_NEVER_EVICT" for "cache.neverEvict".
std::string EnvironmentName(std::string_view key);

// Variables that Kubernetes sets for services of this name (REPOSFS_SERVICE_HOST, REPOSFS_PORT_...)
// are not ours and are passed over; any other REPOSFS_* that is no key is refused.
//
// Errors: kInvalidArgument, kUnsupported.
Status ApplyEnvironment(const std::map<std::string, std::string>& variables, Config& config);

}  // namespace reposfs
