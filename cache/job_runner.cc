#include "cache/job_runner.h"

#include <algorithm>
#include <random>
#include <utility>

namespace reposfs {
namespace {

// Failures that may pass are believed only for as long as it takes a burst of callers to hear them.
constexpr milliseconds kBurst(1'000);
// A job that has not told of itself for so long hangs: its lease is not renewed any more.
constexpr std::chrono::minutes kHungAfter(10);
// Housekeeping tells nothing, and others wait for it.
constexpr std::chrono::minutes kHousekeepingHungAfter(1);
constexpr milliseconds kHousekeepingLease = std::chrono::seconds(10);
// So many due jobs are scheduled in one tick; the others have their turn in the next ones.
constexpr int kPickUpCountMax = 256;
// A full queue must not keep itself from being put in order.
constexpr int kHousekeepingPriority = 1'000;
// What is done again and again, and how often.
constexpr milliseconds kResetInterval = std::chrono::seconds(10);
constexpr milliseconds kCleanInterval = std::chrono::minutes(10);

std::uint64_t Random() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return generator();
}

std::optional<milliseconds> IntervalOf(JobKind kind) {
  if (kind == JobKind::kReset) return kResetInterval;
  if (kind == JobKind::kClean) return kCleanInterval;
  return std::nullopt;
}

}  // namespace

bool MayPass(Errc code) {
  return code == Errc::kUnreachable || code == Errc::kTimedOut || code == Errc::kIo ||
         code == Errc::kInterrupted;
}

JobRunner::JobRunner(JobQueue queue, HostScheduler& scheduler, FlightTable& flights,
                     const Clock& clock, Settings settings, Callbacks callbacks)
    : queue_(std::move(queue)),
      scheduler_(scheduler),
      flights_(flights),
      clock_(clock),
      settings_(std::move(settings)),
      callbacks_(std::move(callbacks)) {}

std::string JobRunner::FlightName(std::int64_t repository, JobKind kind,
                                  const std::string& argument) {
  return std::to_string(repository) + ":" + std::string(JobKindName(kind)) + ":" + argument;
}

std::string JobRunner::Pending::FlightName() const {
  return JobRunner::FlightName(repository ? repository->id() : kNoRepository, kind, argument);
}

bool JobRunner::Runs(JobKind kind) const {
  return std::find(settings_.kinds.begin(), settings_.kinds.end(), kind) != settings_.kinds.end();
}

void JobRunner::Watch(const std::string& name, const Job& job, bool elsewhere) {
  {
    MutexLock lock(mutex_);
    Watched watched;
    watched.id = job.id;
    watched.claims = job.claims;
    watched.elsewhere = elsewhere;
    watched.progressed_at = job.progress.at;
    watched_[name] = watched;
  }
  if (elsewhere) callbacks_.wake();
}

void JobRunner::NoteScheduled(const std::string& name, int priority) {
  MutexLock lock(mutex_);
  const auto found = watched_.find(name);
  if (found == watched_.end()) return;
  found->second.scheduled_priority = std::max(found->second.scheduled_priority, priority);
}

void JobRunner::Unwatch(const std::string& name, std::int64_t id) {
  MutexLock lock(mutex_);
  const auto found = watched_.find(name);
  if (found != watched_.end() && found->second.id == id) watched_.erase(found);
}

bool JobRunner::RunsHere(std::int64_t id) const {
  MutexLock lock(mutex_);
  return running_.contains(id) || claiming_.contains(id);
}

int JobRunner::WatchedCount() const {
  MutexLock lock(mutex_);
  return static_cast<int>(watched_.size());
}

bool JobRunner::waits_for_others() const {
  MutexLock lock(mutex_);
  return std::any_of(watched_.begin(), watched_.end(),
                     [](const auto& watched) { return watched.second.elsewhere; });
}

FlightPtr JobRunner::Submit(const RepositoryPtr& repository, JobKind kind,
                            const std::string& argument, int priority) {
  const std::string name = FlightName(repository->id(), kind, argument);
  if (auto failure = flights_.Failure(name)) return LandedWith(std::move(*failure));
  const FlightTable::Ticket ticket = flights_.Join(name);
  const bool waited_for = priority >= HostScheduler::kForegroundPriority;
  auto job = queue_.Put(JobSpec{repository->id(), kind, argument, priority}, clock_.Now());
  if (!job) {
    flights_.Land(name, std::move(job).error(), kBurst);
    return ticket.flight;
  }
  const bool mine = job->running() && job->owner == settings_.owner;
  if (mine && ticket.first && !RunsHere(job->id)) {
    // Nobody runs it: its end could not be written down.
    if (auto released = queue_.Release(*job); !released) {
      flights_.Land(name, std::move(released).error(), kBurst);
      return ticket.flight;
    }
    job->state = JobState::kQueued;
  }
  // The row that the flight was scheduled for may have gone with an eviction.
  bool new_row = false;
  bool more_urgent = false;
  {
    MutexLock lock(mutex_);
    const auto found = watched_.find(name);
    new_row = found == watched_.end() || found->second.id != job->id;
    more_urgent = !new_row && priority > found->second.scheduled_priority;
  }
  const bool elsewhere = !Runs(kind) || (job->running() && job->owner != settings_.owner);
  if (new_row) Watch(name, *job, elsewhere);
  // A job that waits in the background is scheduled once more when somebody needs it now; Claim()
  // lets only one of the two run it.
  const bool again = waited_for && more_urgent;
  if (!elsewhere && !job->running() && (ticket.first || again || new_row)) {
    NoteScheduled(name, priority);
    Schedule(Pending{job->id, repository, kind, argument, priority});
  }
  return ticket.flight;
}

void JobRunner::Tick() {
  Renew();
  PickUp();
  Poll();
}

void JobRunner::PickUp() {
  for (const JobKind kind : settings_.kinds) {
    // A failure shows itself soon enough elsewhere.
    if (IntervalOf(kind)) {
      const WallTime now = clock_.Now();
      static_cast<void>(
          queue_.PutLater(JobSpec{kNoRepository, kind, "", kHousekeepingPriority}, now, now));
    }
  }
  // Behind those that wait here already, however many they are.
  const auto due = queue_.Due(settings_.kinds, clock_.Now(), kPickUpCountMax + WatchedCount());
  if (!due) return;
  for (const Job& job : *due) {
    const std::string name = FlightName(job.repository, job.kind, job.argument);
    {
      MutexLock lock(mutex_);
      const auto found = watched_.find(name);
      const bool scheduled =
          found != watched_.end() && found->second.id == job.id && !found->second.elsewhere;
      if (scheduled) continue;
    }
    const RepositoryPtr repository =
        job.repository == kNoRepository ? nullptr : callbacks_.find(job.repository);
    if (!repository && job.repository != kNoRepository) continue;
    flights_.Join(name);
    Watch(name, job, false);
    const int priority = std::min(job.priority, HostScheduler::kForegroundPriority - 1);
    NoteScheduled(name, priority);
    Schedule(Pending{job.id, repository, job.kind, job.argument, priority});
  }
}

void JobRunner::Renew() {
  std::vector<Running> to_renew;
  const SteadyTime now = std::chrono::steady_clock::now();
  {
    MutexLock lock(mutex_);
    for (auto& [id, running] : running_) {
      // News are told with each tick: who waits in another process looks at them.
      const bool due =
          running.progressed || now - running.renewed_at > LeaseOf(running.job.kind) / 3;
      const auto hung_after =
          IsHousekeeping(running.job.kind) ? kHousekeepingHungAfter : kHungAfter;
      if (!due || running.lost || now - running.beat_at > hung_after) continue;
      to_renew.push_back(running);
      running.progressed = false;
    }
  }
  for (const Running& running : to_renew) {
    const WallTime until = clock_.Now() + LeaseOf(running.job.kind);
    const auto renewed = queue_.Renew(running.job, until, running.job.progress);
    if (!renewed) continue;  // There is time for another try.
    MutexLock lock(mutex_);
    const auto found = running_.find(running.job.id);
    if (found == running_.end()) continue;
    found->second.lost = !*renewed;
    found->second.renewed_at = now;
  }
}

Status JobRunner::Beat(std::int64_t id, const FetchProgress* progress) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const WallTime wall_now = clock_.Now();
  MutexLock lock(mutex_);
  const auto found = running_.find(id);
  if (found == running_.end()) return {};
  Running& running = found->second;
  if (running.lost || now - running.renewed_at > settings_.lease) {
    running.lost = true;
    return Error{Errc::kInterrupted, "another process has taken the job over"};
  }
  running.beat_at = now;
  if (progress == nullptr) return {};
  running.progressed = true;
  running.job.progress = JobProgress{wall_now, progress->received_bytes, progress->object_count,
                                     progress->object_count_total};
  return {};
}

void JobRunner::Poll() {
  std::map<std::string, Watched> elsewhere;
  {
    MutexLock lock(mutex_);
    for (const auto& [name, watched] : watched_) {
      if (watched.elsewhere) elsewhere.emplace(name, watched);
    }
  }
  if (elsewhere.empty()) return;
  callbacks_.sync();
  for (const auto& [name, watched] : elsewhere) PollOne(name, watched);
}

bool JobRunner::PollOne(const std::string& name, const Watched& watched) {
  auto job = queue_.Find(watched.id);
  if (!job) return false;
  if (!*job) {
    // What it did became visible before it was gone.
    callbacks_.sync();
    Unwatch(name, watched.id);
    flights_.Abandon(name);
    return true;
  }
  // That its process has died is no failure of the job.
  const bool failed_once = (*job)->state == JobState::kQueued && (*job)->claims > watched.claims &&
                           !(*job)->last_error.empty() &&
                           ErrcOfName((*job)->error_code) != Errc::kInterrupted;
  if ((*job)->state == JobState::kFailed || failed_once) {
    callbacks_.sync();
    Unwatch(name, watched.id);
    flights_.Land(name, Error{ErrcOfName((*job)->error_code), (*job)->last_error},
                  failed_once ? kBurst : settings_.failure_ttl);
    return true;
  }
  if ((*job)->progress.at > watched.progressed_at) {
    flights_.Join(name).flight->NoteProgress();
    MutexLock lock(mutex_);
    const auto found = watched_.find(name);
    if (found != watched_.end()) found->second.progressed_at = (*job)->progress.at;
  }
  return false;
}

void JobRunner::Stop() {
  maintenance_.Stop();
  insights_.Stop();
  evicting_.Stop();
  housekeeping_.Stop();
}

milliseconds JobRunner::LeaseOf(JobKind kind) const {
  return IsHousekeeping(kind) ? std::min(settings_.lease, kHousekeepingLease) : settings_.lease;
}

void JobRunner::Schedule(const Pending& pending) {
  auto run = [this, pending] { RunOne(pending); };
  switch (pending.kind) {
    case JobKind::kMaintain:
      return maintenance_.Submit(std::move(run));
    case JobKind::kInsights:
      return insights_.Submit(std::move(run));
    case JobKind::kEvict:
      return evicting_.Submit(std::move(run));
    case JobKind::kReset:
    case JobKind::kClean:
      return housekeeping_.Submit(std::move(run));
    default:
      scheduler_.Submit(pending.repository->key().host, pending.priority, std::move(run));
  }
}

Result<std::optional<Job>> JobRunner::ClaimHere(const Pending& pending) {
  const std::int64_t id = pending.id;
  {
    MutexLock lock(mutex_);
    claiming_.insert(id);
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  auto job =
      queue_.Claim(id, {settings_.owner, clock_.Now() + LeaseOf(pending.kind), clock_.Now()});
  MutexLock lock(mutex_);
  claiming_.erase(claiming_.find(id));
  if (job && *job) running_[id] = Running{**job, now, now};
  return job;
}

void JobRunner::RunOne(const Pending& pending) {
  const std::string name = pending.FlightName();
  auto job = ClaimHere(pending);
  if (!job) {
    Unwatch(name, pending.id);
    return flights_.Land(name, std::move(job).error(), kBurst);
  }
  if (!*job) return NobodyToRun(pending);
  const FlightTable::Ticket ticket = flights_.Join(name);
  Status status = [&] {
    std::optional<Repository::Use> use;
    const bool uses = pending.repository && pending.kind != JobKind::kEvict;
    if (uses) use.emplace(pending.repository);
    return callbacks_.execute(**job, pending.repository, ticket.flight);
  }();
  if (!status && status.error().code != Errc::kInterrupted) {
    callbacks_.failed(**job, pending.repository, status.error());
  }
  Conclude(pending, **job, std::move(status));
}

// There was nothing to claim: another thread or process has the job, or it was done before its
// retry was due, or it went with its repository.
void JobRunner::NobodyToRun(const Pending& pending) {
  if (RunsHere(pending.id)) return;
  const std::string name = pending.FlightName();
  const auto job = queue_.Find(pending.id);
  if (job && *job && (*job)->owner != settings_.owner) return Watch(name, **job, true);
  if (job && *job) return;  // It has just ended here, and lands.
  Unwatch(name, pending.id);
  flights_.Abandon(name);
}

bool JobRunner::WriteEnd(const Job& job, const Status& status) {
  // The catalog's own failures can't be recorded in the catalog; the lease lapses then.
  const auto mine = [](const Result<bool>& written) { return !written || *written; };
  if (status) return mine(queue_.Finish(job));
  const Error& error = status.error();
  if (error.code == Errc::kInterrupted) return mine(queue_.Release(job));
  // Housekeeping is never given up.
  if (const auto interval = IntervalOf(job.kind)) {
    return mine(queue_.Retry(job, clock_.Now() + *interval, error));
  }
  if (MayPass(error.code) && job.attempts < settings_.attempt_count_max) {
    const milliseconds wait = std::max(BackOff(job.attempts, Random()), error.retry_after);
    return mine(queue_.Retry(job, clock_.Now() + wait, error));
  }
  return mine(queue_.Fail(job, clock_.Now(), error));
}

void JobRunner::Conclude(const Pending& pending, const Job& job, Status status) {
  const std::string name = pending.FlightName();
  const bool mine = WriteEnd(job, status);
  if (mine && status) {
    if (const auto interval = IntervalOf(job.kind)) {
      const JobSpec again{kNoRepository, job.kind, job.argument, job.priority};
      const WallTime now = clock_.Now();
      static_cast<void>(queue_.PutLater(again, now, now + *interval));
    }
  }
  {
    MutexLock lock(mutex_);
    const auto found = running_.find(job.id);
    const bool own = found != running_.end() && found->second.job.claims == job.claims;
    if (own) running_.erase(found);
  }
  // Whoever has it now tells in the queue how it ends.
  if (!mine) return Watch(name, job, true);
  Unwatch(name, job.id);
  const bool may_pass = !status && MayPass(status.error().code);
  flights_.Land(name, std::move(status), may_pass ? kBurst : settings_.failure_ttl);
}

}  // namespace reposfs
