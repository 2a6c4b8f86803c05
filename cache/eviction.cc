#include "cache/eviction.h"

#include <algorithm>
#include <tuple>

namespace reposfs {

EvictionPlan PlanEviction(std::vector<EvictionCandidate> candidates, std::uint64_t bytes_to_free,
                          WallTime now, milliseconds min_residency) {
  std::erase_if(candidates,
                [](const EvictionCandidate& c) { return c.pinned || c.busy || c.size_bytes == 0; });
  const auto order = [&](const EvictionCandidate& c) {
    const bool fresh = now - c.last_fetched < min_residency;
    return std::make_tuple(fresh, c.last_opened, c.id);
  };
  std::sort(candidates.begin(), candidates.end(),
            [&](const auto& a, const auto& b) { return order(a) < order(b); });

  EvictionPlan plan{{}, bytes_to_free == 0};
  std::uint64_t freed_bytes = 0;
  for (const EvictionCandidate& candidate : candidates) {
    if (plan.enough) break;
    plan.victims.push_back(candidate.id);
    freed_bytes += candidate.size_bytes;
    plan.enough = freed_bytes >= bytes_to_free;
  }
  return plan;
}

std::uint64_t EffectiveQuotaBytes(const Quota& quota, std::uint64_t total_bytes,
                                  std::uint64_t available_bytes, std::uint64_t used_bytes) {
  const std::uint64_t wanted =
      quota.percent ? total_bytes / 100 * static_cast<std::uint64_t>(*quota.percent) : quota.bytes;
  const std::uint64_t reserve = total_bytes / 50;
  const std::uint64_t reachable = used_bytes + available_bytes;
  return std::min(wanted, reachable > reserve ? reachable - reserve : 0);
}

}  // namespace reposfs
