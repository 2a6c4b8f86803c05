#include "cache/room_keeper.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/file_util.h"

namespace reposfs {
namespace {

// While nobody can say how large a transfer will become, it may exceed the quota by this share
// before others have to go for it: it may yet turn out not to fit at all.
constexpr std::uint64_t kOvershootDivisor = 4;

// Room is made down to this share of the quota, so that not every transfer evicts.
constexpr std::uint64_t kTargetPercent = 90;

// Eviction goes down to the target; from here on it is about to begin.
constexpr std::uint64_t kPressedPercent = 85;

// So often the choice is made anew when a victim turns out to be in use.
constexpr int kPlanCountMax = 5;

// What the whole transfer will take, from the share of objects that have come; 0 if too few have.
std::uint64_t ProjectedBytes(const FetchProgress& progress) {
  const bool known = progress.object_count_total > 100 &&
                     progress.object_count >= progress.object_count_total / 20;
  if (!known) return 0;
  const double share =
      static_cast<double>(progress.object_count) / static_cast<double>(progress.object_count_total);
  return static_cast<std::uint64_t>(static_cast<double>(progress.received_bytes) / share);
}

// What the transfer adds to the disk in the end.  Until then what it replaces is there, too: a
// moment's excess, for which nobody is evicted.
std::uint64_t NetBytes(const FetchProgress& progress) {
  return progress.received_bytes - std::min(progress.received_bytes, progress.replaced_bytes);
}

std::string Mebibytes(std::uint64_t bytes) {
  return std::to_string((bytes + (1u << 20) - 1) >> 20) + " MiB";
}

}  // namespace

RoomKeeper::RoomKeeper(const CacheOptions& options, const Clock& clock, Callbacks callbacks)
    : options_(options), clock_(clock), callbacks_(std::move(callbacks)) {}

RoomKeeper::Account::Account(RoomKeeper& keeper, RepositoryPtr repository, Claim claim)
    : keeper_(keeper), repository_(std::move(repository)), claim_(claim) {}

RoomKeeper::Account::~Account() {
  MutexLock lock(keeper_.mutex_);
  const auto mine = keeper_.in_flight_bytes_.find(this);
  if (mine == keeper_.in_flight_bytes_.end()) return;
  keeper_.in_flight_sum_bytes_ -= mine->second;
  keeper_.in_flight_bytes_.erase(mine);
}

Status RoomKeeper::Account::Grow(const FetchProgress& progress) {
  {
    MutexLock lock(keeper_.mutex_);
    std::uint64_t& mine = keeper_.in_flight_bytes_[this];
    const std::uint64_t before = std::exchange(mine, NetBytes(progress));
    keeper_.in_flight_sum_bytes_ += mine - before;  // Unsigned numbers wrap around.
  }
  return keeper_.Admit(repository_, progress, claim_);
}

std::uint64_t RoomKeeper::used_bytes() const {
  const std::uint64_t stored_bytes = callbacks_.stored_bytes();
  MutexLock lock(mutex_);
  return stored_bytes + in_flight_sum_bytes_;
}

std::uint64_t RoomKeeper::quota_bytes() const {
  const auto space = SpaceOf(options_.directory);
  if (!space) return options_.quota.bytes;
  const std::uint64_t trash_bytes = callbacks_.trash_bytes ? callbacks_.trash_bytes() : 0;
  return EffectiveQuotaBytes(options_.quota, space->total_bytes,
                             space->available_bytes + trash_bytes, used_bytes());
}

Status RoomKeeper::Admit(const RepositoryPtr& repository, const FetchProgress& progress,
                         Claim claim) {
  const std::uint64_t quota = quota_bytes();
  const std::uint64_t size_bytes = repository->size_bytes();
  const std::uint64_t here = size_bytes - std::min(size_bytes, progress.replaced_bytes);
  const std::uint64_t projected = here + ProjectedBytes(progress);
  const std::uint64_t alone = std::max(here + progress.received_bytes, projected);
  // A projection is a guess: it decides only where it leaves no doubt.
  if (here + progress.received_bytes > quota || projected > quota + quota / 2) {
    return Error{Errc::kNoSpace,
                 repository->key().Text() + ": needs more than " +
                     Mebibytes(std::min(alone, projected == here ? alone : projected)) +
                     ", and the quota is " + Mebibytes(quota) +
                     "; raise cache.quota, or set history: none for it"};
  }
  if (claim == Claim::kOnlyMyself) return {};
  const bool whole_known = projected > here || progress.object_count_total == 0;
  const std::uint64_t limit = whole_known ? quota : quota + quota / kOvershootDivisor;
  if (used_bytes() <= limit) return {};
  return MakeRoom(limit, repository->key().Text());
}

Status RoomKeeper::MakeRoom(std::uint64_t limit_bytes, const std::string& for_key) {
  MutexLock lock(evicting_);
  bool surprised = true;
  for (int plan = 0; surprised && plan < kPlanCountMax; ++plan) {
    // Another transfer may have made the room while this one waited.
    const std::uint64_t used = used_bytes();
    if (used <= limit_bytes) return {};
    surprised = false;
    if (auto evicted = EvictOnce(used, for_key, surprised); !evicted) return evicted;
  }
  return {};
}

Status RoomKeeper::EvictOnce(std::uint64_t used, const std::string& for_key, bool& surprised) {
  const std::uint64_t quota = quota_bytes();
  const std::uint64_t target = quota / 100 * kTargetPercent;
  const std::uint64_t bytes_to_free = used > target ? used - target : 0;
  std::unordered_map<std::int64_t, RepositoryPtr> by_id;
  std::vector<EvictionCandidate> candidates;
  for (const RepositoryPtr& repository : callbacks_.repositories()) {
    const RepositoryRecord record = repository->record();
    by_id.emplace(record.id, repository);
    candidates.push_back(EvictionCandidate{record.id, record.size_bytes, record.last_opened,
                                           record.last_fetched, callbacks_.is_pinned(*repository),
                                           repository->busy()});
  }
  const EvictionPlan plan =
      PlanEviction(std::move(candidates), bytes_to_free, clock_.Now(), options_.min_residency);
  std::uint64_t reclaimable_bytes = 0;
  for (const std::int64_t id : plan.victims) reclaimable_bytes += by_id.at(id)->size_bytes();
  // Down to the target is a wish; under the quota is what counts.  Nobody goes in vain.
  if (!plan.enough && used > quota + reclaimable_bytes) {
    return Error{Errc::kNoSpace,
                 "the quota of " + Mebibytes(quota) +
                     " is full of repositories that are pinned or in use; unpin some, or raise "
                     "cache.quota"};
  }
  for (const std::int64_t id : plan.victims) {
    const Status evicted = callbacks_.evict(by_id.at(id), "quota", for_key);
    if (evicted) continue;
    if (evicted.error().code != Errc::kInvalidArgument) return evicted;
    surprised = true;
  }
  return {};
}

std::optional<std::string> RoomKeeper::DiskFull() const {
  const auto space = SpaceOf(options_.directory);
  if (!space) return std::nullopt;
  const std::uint64_t used = used_bytes();
  // On a disk with nothing else on it.
  const std::uint64_t wanted =
      EffectiveQuotaBytes(options_.quota, space->total_bytes,
                          space->total_bytes - std::min(space->total_bytes, used), used);
  const std::uint64_t usable = quota_bytes();
  // While the cache is small, it does not matter.
  const bool pressed = usable < wanted && used >= usable / 100 * kPressedPercent;
  if (!pressed) return std::nullopt;
  return "the disk is full: of the quota of " + Mebibytes(wanted) + " only " + Mebibytes(usable) +
         " can be used";
}

bool RoomKeeper::NeedsTrim() const {
  {
    MutexLock lock(mutex_);
    if (!in_flight_bytes_.empty()) return false;
  }
  return used_bytes() > quota_bytes();
}

Status RoomKeeper::Trim() {
  return NeedsTrim() ? MakeRoom(quota_bytes(), "") : Status();
}

}  // namespace reposfs
