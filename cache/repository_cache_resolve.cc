// From a name to the commit it shows, and keeping that fresh.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "cache/commit_blobs.h"
#include "cache/repository_cache.h"

namespace reposfs {
namespace {

constexpr int kStrictRefreshPriority = 70;
constexpr int kBackgroundRefreshPriority = 40;
constexpr int kHistoryOnDemandPriority = 60;

// A ref that was not there this short a time ago is not there.
constexpr milliseconds kJustChecked = std::chrono::seconds(5);

constexpr milliseconds kAnswerUsableFor(50);

constexpr std::size_t kAbbreviationSizeMin = 4;

bool LooksLikeCommit(std::string_view spelling) {
  return spelling.size() >= kAbbreviationSizeMin && spelling.size() <= Oid::kHexSize &&
         spelling.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

}  // namespace

milliseconds RepositoryCache::TtlOf(const Status& status) const {
  constexpr milliseconds kBurst(1'000);
  return !status && MayPass(status.error().code) ? kBurst : options_.freshness.negative_ttl;
}

milliseconds RepositoryCache::PeerMemoryMax() const {
  // What is nearly as old as it may be would have to be asked for again at once.
  return options_.freshness.max_age * 3 / 4;
}

Outcome<Target> RepositoryCache::Resolve(const RepositoryKey& key, const std::string& spelling,
                                         Staleness staleness) {
  if (!origin_.HostOf(key.host)) {
    return Error{Errc::kNotFound, "host " + Printable(key.host) + " is not configured"};
  }
  const RepositoryPtr repository = Find(key);
  const RefSnapshotPtr refs = repository ? RefsOf(*repository) : nullptr;
  const bool accepted = staleness == Staleness::kAccepted;
  const bool on_disk = repository && repository->stage() != Stage::kAbsent;
  // An answer must live until the request that waited for it has used it.
  const milliseconds max_age = std::max(options_.freshness.max_age, kAnswerUsableFor);
  const bool old = repository && clock_.Now() - repository->record().last_checked > max_age;
  if (!refs && on_disk) {
    return runner_->Submit(repository, JobKind::kFetch, "", kStrictRefreshPriority);
  }
  if (!refs || (!on_disk && old && !accepted && !AreChecksHeldBack(*repository))) {
    if (auto failure = flights_.Failure(CheckName(key))) return std::move(*failure);
    return Check(key);
  }
  if (on_disk && old) {
    const FlightPtr flight = RefreshIfDue(repository);
    const bool strict = options_.freshness.mode == FreshnessMode::kStrict;
    if (flight && strict && !accepted) return flight;
  }
  return ResolveIn(repository, *refs, spelling);
}

FlightPtr RepositoryCache::Check(const RepositoryKey& key, int priority) {
  const std::string name = CheckName(key);
  if (auto held = HeldBack(key.host)) return LandedWith(std::move(*held));
  const FlightTable::Ticket ticket = flights_.Join(name);
  if (!ticket.first) return ticket.flight;
  scheduler_.Submit(key.host, priority, [this, key, name] {
    Status checked = CheckNow(key);
    const milliseconds ttl = TtlOf(checked);
    flights_.Land(name, std::move(checked), ttl);
  });
  return ticket.flight;
}

Status RepositoryCache::CheckNow(const RepositoryKey& key) {
  RepositoryPtr repository = Find(key);
  // Who asks again so soon wants more than a peer's memory; if that was too old, than any peer's.
  const auto is_recent = [this](WallTime time) {
    return clock_.Now() - time < std::max(options_.freshness.max_age, kAnswerUsableFor);
  };
  const bool again = repository && is_recent(repository->record().last_checked);
  bool host_was_away = false;
  if (repository) {
    MutexLock lock(mutex_);
    host_was_away = next_check_.erase(repository->id()) != 0;
  }
  const bool was_too_old =
      repository && !again && is_recent(repository->last_asked()) && !host_was_away;
  const Wanted at_first = was_too_old ? Wanted::kHostRefs : Wanted::kFirstRefs;
  auto refs = fetcher_.ListRefs(key, again ? Wanted::kRefs : at_first,
                                again ? milliseconds(0) : PeerMemoryMax(), [this]() -> Status {
                                  if (stopping_)
                                    return Error{Errc::kInterrupted, "reposfs is stopping"};
                                  return {};
                                });
  if (!repository) repository = Find(key);
  if (!refs) {
    if (was_too_old && IsAway(refs.error())) {
      NoteHostAway(repository, refs.error());
      return {};
    }
    if (repository) {
      RecordError(repository, refs.error());
    } else if (refs.error().code != Errc::kNotFound) {
      spdlog::warn("not available repo={} cause=\"{}\"", key.Text(),
                   Printable(refs.error().message));
      HoldBackIfAsked(key.host, refs.error());
    }
    return std::move(refs).error();
  }
  if (!repository) {
    const std::string upstream = origin_.SourcesOf(key, Wanted::kRefs).back().url;
    auto id = catalog_.AddRepository(key.Text(), upstream);
    if (!id) return std::move(id).error();
    RepositoryRecord record;
    record.id = *id;
    record.key = key.Text();
    record.upstream = upstream;
    repository = Add(key, record);
  }
  if (repository->stage() != Stage::kAbsent) return {};  // A refresh keeps those up to date.
  if (auto updated = fetcher_.Update(*repository, *refs, TransferControl{}); !updated) {
    return updated;
  }
  if (refs->host_failure) NoteHostAway(repository, *refs->host_failure);
  return {};
}

RefSnapshotPtr RepositoryCache::RefsOf(Repository& repository) {
  if (RefSnapshotPtr refs = repository.refs()) return refs;
  if (repository.stage() == Stage::kAbsent) return nullptr;
  auto saved = repository.directory().Refs();
  if (!saved) return nullptr;
  repository.SetRefs(std::make_shared<const RefSnapshot>(std::move(*saved)));
  return repository.refs();
}

Outcome<Target> RepositoryCache::ResolveIn(const RepositoryPtr& repository, const RefSnapshot& refs,
                                           const std::string& spelling) {
  if (auto ref = refs.Resolve(spelling)) return Target{repository, std::move(*ref)};
  if (LooksLikeCommit(spelling)) return ResolveCommit(repository, refs, AsciiLower(spelling));
  return ResolveUnknown(repository, spelling);
}

Outcome<Target> RepositoryCache::ResolveCommit(const RepositoryPtr& repository,
                                               const RefSnapshot& refs, const std::string& hex) {
  const bool on_disk = repository->stage() != Stage::kAbsent;
  if (const auto full = Oid::FromHex(hex)) {
    Target target{repository, ResolvedRef{"", *full, *full}};
    if (on_disk && repository->objects().Contains(*full)) {
      auto commit = PeelToCommit(repository->objects(), *full);
      if (!commit) return std::move(commit).error();
      target.ref.commit = *commit;
    }
    const Outcome<Done> tip = NeedTip(target);
    if (!tip.has_value()) return tip.As<Target>();
    return target;
  }
  // A commit that a ref names needs no history.
  std::vector<Oid> candidates;
  for (const Ref& ref : refs.refs()) {
    if (ref.target().Hex().starts_with(hex)) candidates.push_back(ref.target());
  }
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  if (candidates.size() == 1) {
    return Target{repository, ResolvedRef{"", candidates[0], candidates[0]}};
  }
  if (!on_disk) {
    const Target head{repository, ResolvedRef{refs.head_branch(), refs.head(), refs.head()}};
    if (refs.head().IsNull()) return ResolveUnknown(repository, hex);
    const Outcome<Done> tip = NeedTip(head);
    if (!tip.has_value()) return tip.As<Target>();
  }
  const Stage stage = repository->stage();
  if (stage == Stage::kComplete ||
      (on_disk && HistoryOf(repository->key()) == HistoryPolicy::kNone)) {
    auto object = repository->objects().ExpandPrefix(hex);
    if (!object && object.error().code == Errc::kNotFound) return ResolveUnknown(repository, hex);
    if (!object) return std::move(object).error();
    auto commit = PeelToCommit(repository->objects(), *object);
    if (!commit) return std::move(commit).error();
    return Target{repository, ResolvedRef{"", *commit, *commit}};
  }
  return runner_->Submit(repository, JobKind::kHistory, "", kHistoryOnDemandPriority);
}

Outcome<Target> RepositoryCache::ResolveUnknown(const RepositoryPtr& repository,
                                                const std::string& spelling) {
  const std::string name = "ref:" + repository->key().Text() + "@" + spelling;
  if (auto failure = flights_.Failure(name)) return std::move(*failure);
  // A peer may remember older refs than it was asked for; that is no reason to ask for ever.
  const WallTime asked = std::max(repository->record().last_checked, repository->last_asked());
  if (clock_.Now() - asked < kJustChecked) {
    Error error{Errc::kNotFound, repository->key().Text() + " has no branch, tag or commit \"" +
                                     Printable(spelling) + "\""};
    flights_.Remember(name, error, options_.freshness.negative_ttl);
    return error;
  }
  if (repository->stage() == Stage::kAbsent) return Check(repository->key());
  return runner_->Submit(repository, JobKind::kFetch, "", kStrictRefreshPriority);
}

bool RepositoryCache::AreChecksHeldBack(const Repository& repository) const {
  MutexLock lock(mutex_);
  const auto held_back = next_check_.find(repository.id());
  return held_back != next_check_.end() && clock_.Now() < held_back->second;
}

FlightPtr RepositoryCache::RefreshIfDue(const RepositoryPtr& repository) {
  if (AreChecksHeldBack(*repository)) return nullptr;
  const bool strict = options_.freshness.mode == FreshnessMode::kStrict;
  return runner_->Submit(repository, JobKind::kFetch, "",
                         strict ? kStrictRefreshPriority : kBackgroundRefreshPriority);
}

FlightPtr RepositoryCache::Refresh(const RepositoryPtr& repository, Failures failures) {
  const RepositoryKey& key = repository->key();
  if (failures == Failures::kForgotten) {
    flights_.ForgetFailures(std::to_string(repository->id()) + ":");
    flights_.ForgetFailures("ref:" + key.Text() + "@");
    flights_.ForgetFailures(CheckName(key));
  }
  if (repository->stage() == Stage::kAbsent) {
    if (auto failure = flights_.Failure(CheckName(key))) return LandedWith(std::move(*failure));
    return Check(key);
  }
  if (auto held = HeldBack(repository->key().host)) return LandedWith(std::move(*held));
  return runner_->Submit(repository, JobKind::kFetch, "", kStrictRefreshPriority);
}

FlightPtr RepositoryCache::Warm(const RepositoryKey& key, Stage stage, Failures failures) {
  return StartWarming(Warming{key, stage, std::nullopt}, failures);
}

FlightPtr RepositoryCache::Copy(const RepositoryKey& key, Stage stage, WallTime opened_at) {
  const RepositoryPtr repository = Find(key);
  const bool as_far = repository && repository->stage() >= stage;
  if (as_far) return runner_->Submit(repository, JobKind::kFetch, "", kBackgroundRefreshPriority);
  const bool is_whole = stage == Stage::kComplete;
  if (is_whole) {
    MutexLock lock(mutex_);
    copied_whole_.insert(key);
  }
  FlightPtr flight = StartWarming(Warming{key, stage, opened_at}, Failures::kForgotten);
  if (is_whole) {
    flight->Then([this, key](const Status& copied) { EndCopy(key, copied); });
  }
  return flight;
}

void RepositoryCache::EndCopy(const RepositoryKey& key, const Status& copied) {
  {
    MutexLock lock(mutex_);
    copied_whole_.erase(key);
  }
  const bool is_too_large = !copied && copied.error().code == Errc::kNoSpace;
  const RepositoryPtr repository = Find(key);
  if (stopping_ || is_too_large || !repository) return;
  // What was left to the copy, and did not come with it.
  for (const RootRecord& root : repository->roots()) {
    if (root.stage == Stage::kTip) ContinueAfterTip(repository, root.commit);
  }
}

FlightPtr RepositoryCache::StartWarming(const Warming& warming, Failures failures) {
  const bool forget = failures == Failures::kForgotten;
  if (forget) flights_.ForgetFailures(CheckName(warming.key));
  if (const RepositoryPtr repository = Find(warming.key); repository && forget) {
    flights_.ForgetFailures(std::to_string(repository->id()) + ":");
    flights_.ForgetFailures(NoSpaceName(*repository));
  }
  auto landed = std::make_shared<Flight>();
  Pursue([this, warming] { return WarmOnce(warming); }, landed);
  return landed;
}

void RepositoryCache::Pursue(const Step& step, const FlightPtr& landed, int stale_count_left) {
  const Outcome<Done> outcome = step();
  if (!outcome.waits()) {
    landed->Land(outcome.result() ? Status() : Status(outcome.result().error()));
    return;
  }
  outcome.flight()->Then([step, landed, stale_count_left](const Status& status) {
    const bool is_stale = !status && status.error().code == Errc::kStale;
    if (!status && !(is_stale && stale_count_left > 0)) return landed->Land(status);
    landed->NoteProgress();
    Pursue(step, landed, stale_count_left - (is_stale ? 1 : 0));
  });
}

Outcome<Done> RepositoryCache::WarmOnce(const Warming& warming) {
  const Stage stage = warming.stage;
  const Outcome<Target> target =
      Resolve(warming.key, "", warming.opened_at ? Staleness::kAccepted : Staleness::kAsConfigured);
  if (!target.has_value()) return target.As<Done>();
  const Target& shown = *target.result();
  if (warming.opened_at) {
    shown.repository->Touch(*warming.opened_at, milliseconds::max());
  } else {
    shown.repository->Touch(clock_.Now(), options_.lru.granularity);
  }
  if (shown.ref.commit.IsNull()) return Done{};  // An empty repository has nothing to bring.
  const Outcome<Done> tip = NeedTip(shown);
  if (!tip.has_value() || stage == Stage::kTip) return tip;
  const bool content_first = !(warming.opened_at && stage == Stage::kComplete);
  if (content_first) {
    const Outcome<Done> content = NeedContent(shown);
    if (!content.has_value() || stage == Stage::kContent) return content;
  }
  if (shown.repository->stage() == Stage::kComplete) return Done{};
  return runner_->Submit(shown.repository, JobKind::kHistory, "", kHistoryOnDemandPriority);
}

}  // namespace reposfs
