// Who has to go when room is needed: the policy, without the deed.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "cache/options.h"

namespace reposfs {

struct EvictionCandidate {
  std::int64_t id;
  std::uint64_t size_bytes;
  WallTime last_opened;
  WallTime last_fetched;
  bool pinned;
  bool busy;  // Has requests or transfers in progress.
};

struct EvictionPlan {
  std::vector<std::int64_t> victims;  // In the order in which they should go.
  bool enough;                        // Whether they free what was asked for.
};

// Chooses those opened least recently until `bytes_to_free` are free.  Pinned and busy ones are
// skipped, not stopped at.  Those fetched less than `min_residency` ago go only after all others.
EvictionPlan PlanEviction(std::vector<EvictionCandidate> candidates, std::uint64_t bytes_to_free,
                          WallTime now, milliseconds min_residency);

// The quota in bytes on a file system of `total_bytes` of which `available_bytes` are free while
// the cache uses `used_bytes`: what the configuration says, but never so much that the file system
// would be filled to its last 2 %.
std::uint64_t EffectiveQuotaBytes(const Quota& quota, std::uint64_t total_bytes,
                                  std::uint64_t available_bytes, std::uint64_t used_bytes);

}  // namespace reposfs
