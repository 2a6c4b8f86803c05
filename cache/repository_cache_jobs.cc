// What each kind of job does, and what follows from it.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "cache/problem.h"
#include "cache/repository_cache.h"

namespace reposfs {
namespace {

constexpr int kContentPriority = 30;
constexpr int kHistoryPriority = 20;
constexpr int kMaintainPriority = 10;

// More packs than this slow every lookup down.
constexpr std::size_t kPackCountMax = 20;

// No host is left alone for longer, whatever it asks for.
constexpr milliseconds kHeldBackMax = std::chrono::hours(1);
constexpr milliseconds kRefusalTtl = std::chrono::hours(1);
// So long nobody checks again, also where nothing may be old.
constexpr milliseconds kCheckHoldBackMin = std::chrono::seconds(1);
constexpr milliseconds kCheckHoldBackMax = std::chrono::seconds(30);

// Whether nobody has what refs name: who told them was wrong, or they have moved meanwhile.
bool IsOfRefs(const Error& error) {
  return error.code == Errc::kNotFound || error.code == Errc::kCorrupt;
}

// Where `id` leads, as far as `refs` tell.
Oid CommitBehind(const RefSnapshot& refs, const Oid& id) {
  for (const Ref& ref : refs.refs()) {
    if (ref.object == id) return ref.target();
  }
  return id;
}

}  // namespace

// Stands for one transfer in the account of room and in the list of what is under way.
class RepositoryCache::TransferWatch {
 public:
  TransferWatch(RepositoryCache& cache, const RepositoryPtr& repository, const Job& job,
                FlightPtr flight, RoomKeeper::Claim claim)
      : cache_(cache),
        account_(*cache.room_, repository, claim),
        flight_(std::move(flight)),
        job_id_(job.id),
        id_(cache.next_scratch_.fetch_add(1)) {
    MutexLock lock(cache_.mutex_);
    cache_.active_.emplace(id_, ActiveTransfer{repository->key().Text(), job.kind, job.attempts,
                                               FetchProgress{}, cache.clock_.Now()});
  }
  ~TransferWatch() {
    MutexLock lock(cache_.mutex_);
    cache_.active_.erase(id_);
  }
  TransferWatch(const TransferWatch&) = delete;
  TransferWatch& operator=(const TransferWatch&) = delete;

  TransferControl Control(std::filesystem::path staging) {
    return TransferControl{std::move(staging),
                           [this](const FetchProgress& progress) { return OnProgress(progress); },
                           job_id_};
  }

 private:
  Status OnProgress(const FetchProgress& progress) {
    if (cache_.stopping_) return Error{Errc::kInterrupted, "reposfs is stopping"};
    const std::uint64_t sign_of_life = progress.received_bytes + progress.said_bytes;
    const bool progressed = sign_of_life != last_sign_of_life_;
    if (progressed) flight_->NoteProgress();
    last_sign_of_life_ = sign_of_life;
    if (auto mine = cache_.runner_->Beat(job_id_, progressed ? &progress : nullptr); !mine)
      return mine;
    {
      MutexLock lock(cache_.mutex_);
      cache_.active_.at(id_).progress = progress;
    }
    return account_.Grow(progress);
  }

  RepositoryCache& cache_;
  RoomKeeper::Account account_;
  const FlightPtr flight_;
  const std::int64_t job_id_;
  const std::uint64_t id_;
  std::uint64_t last_sign_of_life_ = 0;
};

HistoryPolicy RepositoryCache::HistoryOf(const RepositoryKey& key) const {
  HistoryPolicy configured = options_.history.policy;
  for (const auto& [pattern, policy] : options_.history.per_pattern) {
    if (!MatchesPattern(pattern, key.Text())) continue;
    configured = policy;
    break;
  }
  if (configured == HistoryPolicy::kComplete && !origin_.Keeps(key)) return HistoryPolicy::kLazy;
  return configured;
}

void RepositoryCache::ContinueAfterTip(const RepositoryPtr& repository, const Oid& commit) {
  if (!origin_.Keeps(repository->key())) return;
  const RefSnapshotPtr refs = repository->refs();
  if (refs && refs->head() == commit) {
    MutexLock lock(mutex_);
    if (copied_whole_.contains(repository->key())) return;
  }
  runner_->Submit(repository, JobKind::kHydrate, commit.Hex(), kContentPriority);
}

Status RepositoryCache::Execute(const Job& job, const RepositoryPtr& repository,
                                const FlightPtr& flight) {
  if (stopping_) return Error{Errc::kInterrupted, "reposfs is stopping"};
  if (job.kind == JobKind::kReset) return ExecuteReset();
  if (job.kind == JobKind::kClean) return ExecuteClean();
  if (job.kind == JobKind::kEvict) return EvictWhenIdle(repository, "quota", job.argument);
  TransferWatch watch(*this, repository, job, flight,
                      job.kind == JobKind::kMaintain || job.kind == JobKind::kInsights
                          ? RoomKeeper::Claim::kOnlyMyself
                          : RoomKeeper::Claim::kOthersMayGo);
  const TransferControl control = watch.Control(StagingOf(job));
  RefsOf(*repository);
  switch (job.kind) {
    case JobKind::kClone:
      return ExecuteClone(repository, job.argument, flight, control);
    case JobKind::kHydrate:
      return ExecuteHydrate(repository, job.argument, control);
    case JobKind::kHistory:
      return ExecuteHistory(repository, control);
    case JobKind::kFetch:
      return ExecuteFetch(
          repository,
          job.priority >= HostScheduler::kForegroundPriority ? milliseconds(0) : PeerMemoryMax(),
          control);
    case JobKind::kMaintain:
      return ExecuteMaintain(repository, control);
    case JobKind::kInsights:
      return ExecuteInsights(repository, job.argument, control);
    default:
      return {};
  }
}

Status RepositoryCache::ExecuteMaintain(const RepositoryPtr& repository,
                                        const TransferControl& control) {
  Status maintained = Maintain(repository, control);
  const RefSnapshotPtr refs = repository->refs();
  if (maintained && refs && repository->stage() == Stage::kComplete) {
    SubmitInsights(repository, refs->head());
  }
  return maintained;
}

Status RepositoryCache::Maintain(const RepositoryPtr& repository, const TransferControl& control) {
  // For a while there are two copies.  Nobody shall go for the sake of tidiness.
  if (!room_->HasRoomFor(repository->size_bytes())) return {};
  // A tip that came beside the history is shallow yet; to consolidate now would cut it off.  The
  // history comes again with it, and is followed by another job like this one.
  const bool complete = repository->stage() == Stage::kComplete;
  if (complete && !repository->directory().Shallow().empty()) {
    runner_->Submit(repository, JobKind::kHistory, "", kHistoryPriority);
    return {};
  }
  return fetcher_.Maintain(*repository, control);
}

Status RepositoryCache::ExecuteClone(const RepositoryPtr& repository, const std::string& want,
                                     const FlightPtr& flight, const TransferControl& control) {
  const auto oid = Oid::FromHex(want);
  if (!oid) return Error{Errc::kInvalidArgument, "clone: malformed id " + want};
  if (!repository->refs()) {
    // Another process has asked.
    auto listed = fetcher_.ListRefs(repository->key(), Wanted::kFirstRefs, PeerMemoryMax(),
                                    [&] { return control.on_progress(FetchProgress{}); });
    if (!listed) return std::move(listed).error();
    repository->SetRefs(std::make_shared<const RefSnapshot>(std::move(listed->refs)));
  }
  const bool is_for_ref = repository->refs()->Names(*oid);
  TransferControl watched = control;
  watched.on_object = ShowRootOf(repository, *oid, CommitBehind(*repository->refs(), *oid), flight);
  auto commit = fetcher_.FetchTip(*repository, *oid, watched);
  if (!commit && is_for_ref && IsOfRefs(commit.error())) {
    const Status updated = UpdateFromHost(repository, control);
    if (updated && !repository->refs()->Names(*oid)) {
      return Error{Errc::kStale,
                   "what led to commit " + want + " leads elsewhere: " + commit.error().message};
    }
  }
  if (!commit) return std::move(commit).error();
  ++listing_version_;
  if (const RefSnapshotPtr refs = repository->refs()) {
    for (const Ref& ref : refs->refs()) {
      if (ref.object != *oid || ref.target() == *commit) continue;
      return Error{Errc::kCorrupt, "the upstream says that " + ref.name + " is commit " +
                                       ref.target().Hex() + ", but it is " + commit->Hex()};
    }
  }
  ContinueAfterTip(repository, *commit);
  return {};
}

Status RepositoryCache::ExecuteHydrate(const RepositoryPtr& repository, const std::string& commit,
                                       const TransferControl& control) {
  const auto oid = Oid::FromHex(commit);
  if (!oid) return Error{Errc::kInvalidArgument, "hydrate: malformed id " + commit};
  if (repository->StageOf(*oid) == Stage::kAbsent) return {};  // Evicted meanwhile.
  if (auto fetched = fetcher_.FetchContent(*repository, *oid, control); !fetched) return fetched;
  SubmitInsights(repository, *oid);
  const bool history_to_come = HistoryOf(repository->key()) == HistoryPolicy::kComplete &&
                               repository->stage() != Stage::kComplete;
  if (history_to_come) {
    runner_->Submit(repository, JobKind::kHistory, "", kHistoryPriority);
  } else {
    runner_->Submit(repository, JobKind::kMaintain, "", kMaintainPriority);
  }
  return {};
}

Status RepositoryCache::ExecuteHistory(const RepositoryPtr& repository,
                                       const TransferControl& control) {
  if (repository->stage() == Stage::kAbsent) return {};  // Evicted meanwhile.
  Status fetched = fetcher_.FetchHistory(*repository, control);
  if (!fetched && fetched.error().code == Errc::kNotFound) {
    // A ref has moved, and the upstream has let go of what it was.
    if (auto updated = UpdateFromHost(repository, control); !updated) return updated;
    fetched = fetcher_.FetchHistory(*repository, control);
  }
  if (!fetched) return fetched;
  // A tip that has come beside it is not to be consolidated; its own content will ask.
  const bool whole = repository->directory().Shallow().empty();
  if (whole) runner_->Submit(repository, JobKind::kMaintain, "", kMaintainPriority);
  return {};
}

Status RepositoryCache::UpdateFromHost(const RepositoryPtr& repository,
                                       const TransferControl& control) {
  auto listed = fetcher_.ListRefs(repository->key(), Wanted::kHostRefs, milliseconds(0),
                                  [&] { return control.on_progress(FetchProgress{}); });
  if (!listed) return std::move(listed).error();
  return fetcher_.Update(*repository, *listed, control);
}

Status RepositoryCache::CheckRefs(const RepositoryPtr& repository, milliseconds age_max,
                                  const TransferControl& control) {
  auto listed = fetcher_.ListRefs(repository->key(), Wanted::kRefs, age_max,
                                  [&] { return control.on_progress(FetchProgress{}); });
  if (!listed) return std::move(listed).error();  // That is the host's own word.
  Status updated = fetcher_.Update(*repository, *listed, control);
  std::optional<Error> host_failure = std::move(listed->host_failure);
  const auto age = clock_.Now() - repository->record().last_checked;
  // The host's own refs may have moved since it told them.
  const bool may_be_known_better =
      updated ? listed->by_peer && age > options_.freshness.max_age : IsOfRefs(updated.error());
  if (may_be_known_better && !host_failure) {
    Status from_host = UpdateFromHost(repository, control);
    const bool can_do_without = updated && !from_host && IsAway(from_host.error());
    if (!can_do_without) return from_host;
    host_failure = std::move(from_host).error();
  }
  if (updated && host_failure) NoteHostAway(repository, *host_failure);
  return updated;
}

void RepositoryCache::NoteHostAway(const RepositoryPtr& repository, const Error& error) {
  RecordError(repository, error);
  repository->NoteAsked(clock_.Now());
  HoldChecksBack(*repository);
}

void RepositoryCache::HoldChecksBack(const Repository& repository) {
  const milliseconds hold_back =
      std::clamp(options_.freshness.max_age, kCheckHoldBackMin, kCheckHoldBackMax);
  MutexLock lock(mutex_);
  next_check_[repository.id()] = clock_.Now() + hold_back;
}

Status RepositoryCache::ExecuteFetch(const RepositoryPtr& repository, milliseconds age_max,
                                     const TransferControl& control) {
  const RefSnapshotPtr before = repository->refs();
  if (auto checked = CheckRefs(repository, age_max, control); !checked) return checked;
  const RefSnapshotPtr now = repository->refs();
  if (!now) return {};
  const Oid head = now->head();
  const bool changed = !before || *before != *now;
  if (changed && repository->stage() == Stage::kComplete) SubmitInsights(repository, head);
  if (repository->stage() == Stage::kAbsent || head.IsNull()) return {};
  if (repository->StageOf(head) == Stage::kTip) ContinueAfterTip(repository, head);
  const bool untidy = repository->directory().PackStems().size() > kPackCountMax ||
                      repository->objects().LacksSizes();
  if (untidy) {
    runner_->Submit(repository, JobKind::kMaintain, "", kMaintainPriority);
  }
  return {};
}

void RepositoryCache::RunFetchNow(const Target& target, const std::string& name,
                                  const FlightPtr& flight, const ChooseBlobs& choose) {
  const Repository::Use use(target.repository);
  Job job;  // Nobody resumes it after a crash: who waits for it has gone, too.
  job.kind = JobKind::kHydrate;
  // The content that is to come is accounted for by its own transfer, and replaces these blobs.
  const bool replaced = target.repository->StageOf(target.ref.commit) == Stage::kTip;
  TransferWatch watch(*this, target.repository, job, flight,
                      replaced ? RoomKeeper::Claim::kOnlyMyself : RoomKeeper::Claim::kOthersMayGo);
  auto blobs = choose();
  Status fetched;
  if (!blobs) {
    fetched = std::move(blobs).error();
  } else if (!blobs->empty()) {
    const TransferControl control = watch.Control(
        options_.cache.directory / "tmp" / ("now-" + std::to_string(next_scratch_.fetch_add(1))));
    fetched = fetcher_.FetchBlobs(*target.repository, *blobs, control);
  }
  const bool refused = !fetched && (fetched.error().code == Errc::kUnsupported ||
                                    fetched.error().code == Errc::kNotFound);
  if (refused && !name.starts_with("object:")) {
    // A server that gives no single objects gives a whole commit; who waits asks for that next.
    flights_.Remember(RefusedName(*target.repository), fetched.error(), kRefusalTtl);
    flights_.Land(name, {}, {});
    return;
  }
  if (!fetched) RecordError(target.repository, fetched.error());
  const milliseconds ttl = TtlOf(fetched);
  flights_.Land(name, std::move(fetched), ttl);
}

void RepositoryCache::AfterFailure(const Job& job, const RepositoryPtr& repository,
                                   const Error& error) {
  if (!repository || job.kind == JobKind::kEvict) {
    spdlog::warn("job failed kind={} cause=\"{}\"", JobKindName(job.kind),
                 Printable(error.message));
    return;
  }
  RecordError(repository, error);
  if (job.kind == JobKind::kFetch) HoldChecksBack(*repository);
  const bool useless_without =
      job.kind == JobKind::kClone || (job.kind == JobKind::kHydrate && !IsPinned(*repository));
  if (error.code != Errc::kNoSpace || !useless_without) return;
  // What does not fit leaves nothing behind.
  flights_.Remember(NoSpaceName(*repository), error, options_.freshness.negative_ttl);
  const bool something_else_is_here = repository->stage() >= Stage::kContent;
  if (something_else_is_here) return;
  // Another transfer of it may still be ending.  Nobody else goes for it meanwhile.
  refused_count_.fetch_add(1, std::memory_order_relaxed);
  healer_.Submit([this, repository] {
    if (auto evicted = EvictWhenIdle(repository, "larger than the quota allows", ""); !evicted) {
      spdlog::warn("not evicted repo={} cause=\"{}\"", repository->key().Text(),
                   evicted.error().message);
    }
    refused_count_.fetch_sub(1, std::memory_order_relaxed);
  });
}

void RepositoryCache::HoldBackIfAsked(const std::string& host, const Error& error) {
  if (error.retry_after == milliseconds(0)) return;
  const milliseconds time = std::min(error.retry_after, kHeldBackMax);
  spdlog::warn("host left alone host={} seconds={} cause=\"{}\"", host, time.count() / 1000,
               Printable(error.message));
  scheduler_.HoldBack(host, time, Printable(error.message));
  const Status told =
      catalog_.HoldHost(HeldHost{host, clock_.Now() + time, Printable(error.message)});
  if (!told) spdlog::error("catalog not written cause=\"{}\"", told.error().message);
}

std::optional<Error> RepositoryCache::HeldBack(const std::string& host) const {
  const HostScheduler::HostState state = scheduler_.StateOf(host);
  if (state.held_for == milliseconds(0)) return std::nullopt;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(state.held_for).count();
  return Error{Errc::kUnreachable, host + " has asked to be left alone, for " +
                                       std::to_string(seconds) + " s more: " + state.held_cause};
}

void RepositoryCache::RecordError(const RepositoryPtr& repository, const Error& error) {
  if (error.code == Errc::kInterrupted) return;
  HoldBackIfAsked(repository->key().host, error);
  spdlog::error("failed repo={} code={} cause=\"{}\" advice=\"{}\"", repository->key().Text(),
                ErrcName(error.code), Printable(error.message), AdviceFor(error.code));
  RepositoryChange change;
  change.failure =
      RepositoryFailure{Printable(error.message), std::string(ErrcName(error.code)), clock_.Now()};
  const auto record = catalog_.Change(repository->id(), change);
  if (record) return repository->SetRecord(*record);
  spdlog::error("catalog not written cause=\"{}\"", record.error().message);
}

}  // namespace reposfs
