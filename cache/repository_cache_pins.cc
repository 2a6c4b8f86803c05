// What is never evicted, and is here although nobody has opened it.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "base/text.h"
#include "cache/repository_cache.h"

namespace reposfs {
namespace {

// Behind all that somebody waits for or has opened.
constexpr int kPinnedPriority = 8;
// So many names are looked at in one tick.
constexpr std::size_t kConsideredCountMax = 1'000;
constexpr std::size_t kTroubleCountMax = 100;
// The refs that were asked for are used at once.
constexpr milliseconds kAnswerUsableFor(5'000);

}  // namespace

bool RepositoryCache::IsPinned(const RepositoryRecord& record) const {
  return record.pinned || pins_.pins()->Match(record.key);
}

void RepositoryCache::RereadPins() {
  if (!pins_.Reread(clock_.Now())) return;
  for (const PinProblem& problem : pins_.problems()) {
    spdlog::warn(
        "not pinned place={} cause=\"{}\" advice=\"mend it; until then what it said before "
        "counts\"",
        problem.place, Printable(problem.error.message));
  }
  // Whoever has changed it wants to see what comes of it.
  pin_keeper_.Forget();
  for (const RepositoryKey& key : pins_.pins()->whole) flights_.ForgetFailures(CheckName(key));
}

void RepositoryCache::KeepPinned(const std::vector<RepositoryPtr>& visited) {
  const PinsPtr pins = pins_.pins();
  for (const RepositoryPtr& repository : visited) {
    const RepositoryRecord record = repository->record();
    if (record.pinned && !pins->NamesWhole(record.key)) pin_keeper_.Consider(repository->key());
  }
  const std::size_t count = std::min(pins->whole.size(), kConsideredCountMax);
  for (std::size_t i = 0; i < count; ++i) {
    if (next_pin_ >= pins->whole.size()) next_pin_ = 0;
    pin_keeper_.Consider(pins->whole[next_pin_++]);
  }
}

bool RepositoryCache::PinnedIsHere(const RepositoryKey& key) const {
  const RepositoryPtr repository = Find(key);
  if (!repository) return false;
  const Stage stage = repository->stage();
  if (stage == Stage::kComplete) return true;
  if (stage == Stage::kContent && HistoryOf(key) != HistoryPolicy::kComplete) return true;
  const RefSnapshotPtr refs = repository->refs();
  return refs && refs->head().IsNull();  // Of an empty one there is nothing to bring.
}

Outcome<Done> RepositoryCache::BringPinned(const RepositoryKey& key) {
  if (PinnedIsHere(key)) return Done{};
  const RepositoryPtr repository = Find(key);
  const RefSnapshotPtr refs = repository ? RefsOf(*repository) : nullptr;
  const bool on_disk = repository && repository->stage() != Stage::kAbsent;
  if (on_disk && !refs) return runner_->Submit(repository, JobKind::kFetch, "", kPinnedPriority);
  const milliseconds max_age = std::max(options_.freshness.max_age, kAnswerUsableFor);
  const bool old = repository && clock_.Now() - repository->record().last_checked > max_age;
  if (!refs || (!on_disk && old && !AreChecksHeldBack(*repository))) {
    if (auto failure = flights_.Failure(CheckName(key))) return std::move(*failure);
    return Check(key, kPinnedPriority);
  }
  if (auto failure = flights_.Failure(NoSpaceName(*repository))) return std::move(*failure);
  const Oid head = refs->head();
  const Stage stage = repository->StageOf(head);
  if (stage == Stage::kAbsent) {
    return runner_->Submit(repository, JobKind::kClone, head.Hex(), kPinnedPriority);
  }
  if (stage == Stage::kTip) {
    return runner_->Submit(repository, JobKind::kHydrate, head.Hex(), kPinnedPriority);
  }
  if (HistoryOf(key) != HistoryPolicy::kComplete) return Done{};
  return runner_->Submit(repository, JobKind::kHistory, "", kPinnedPriority);
}

std::vector<PinKeeper::Trouble> RepositoryCache::PinTroubles() const {
  const PinsPtr pins = pins_.pins();
  auto troubles = pin_keeper_.Troubles(kTroubleCountMax);
  std::erase_if(troubles, [&](const PinKeeper::Trouble& trouble) {
    const auto key = ParseRepositoryKey(trouble.key);
    const RepositoryPtr repository = key ? Find(*key) : nullptr;
    return !pins->NamesWhole(trouble.key) && !(repository && repository->record().pinned);
  });
  return troubles;
}

}  // namespace reposfs
