#include "cache/job_runner.h"

#include <random>
#include <utility>

namespace reposfs {
namespace {

// Failures that may pass are believed only for as long as it takes a burst of callers to hear them.
constexpr milliseconds kBurst(1'000);
constexpr std::chrono::hours kLease(24);

std::uint64_t Random() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return generator();
}

}  // namespace

bool MayPass(Errc code) {
  return code == Errc::kUnreachable || code == Errc::kTimedOut || code == Errc::kIo ||
         code == Errc::kInterrupted;
}

JobRunner::JobRunner(JobQueue queue, HostScheduler& scheduler, FlightTable& flights,
                     const Clock& clock, Limits limits, Execute execute, Failed failed)
    : queue_(std::move(queue)),
      scheduler_(scheduler),
      flights_(flights),
      clock_(clock),
      limits_(limits),
      execute_(std::move(execute)),
      failed_(std::move(failed)) {}

std::string JobRunner::FlightName(std::int64_t repository, JobKind kind,
                                  const std::string& argument) {
  return std::to_string(repository) + ":" + std::string(JobKindName(kind)) + ":" + argument;
}

FlightPtr JobRunner::Submit(const RepositoryPtr& repository, JobKind kind,
                            const std::string& argument, int priority) {
  const std::string name = FlightName(repository->id(), kind, argument);
  if (auto failure = flights_.Failure(name)) {
    auto landed = std::make_shared<Flight>();
    landed->Land(std::move(*failure));
    return landed;
  }
  const FlightTable::Ticket ticket = flights_.Join(name);
  const bool waited_for = priority >= HostScheduler::kForegroundPriority;
  // A job that waits in the background is scheduled once more when somebody needs it now; Claim()
  // lets only one of the two run it.
  auto job = queue_.Put(JobSpec{repository->id(), kind, argument, priority}, clock_.Now());
  if (!job) {
    flights_.Land(name, std::move(job).error(), kBurst);
    return ticket.flight;
  }
  // The row that the flight was scheduled for may have gone with an eviction.
  bool new_row = false;
  {
    MutexLock lock(mutex_);
    std::int64_t& id = scheduled_[name];
    new_row = id != job->id;
    id = job->id;
  }
  if (job->running && ticket.first) {
    // Nobody runs it: its end could not be written down.
    if (auto released = queue_.Retry(job->id, WallTime{}, ""); !released) {
      flights_.Land(name, std::move(released), kBurst);
      return ticket.flight;
    }
    job->running = false;
  }
  if (!job->running && (ticket.first || waited_for || new_row)) {
    Schedule(Pending{job->id, repository, kind, argument, priority});
  }
  return ticket.flight;
}

Status JobRunner::Resume(const std::function<RepositoryPtr(std::int64_t)>& find) {
  if (auto released = queue_.ReleaseAll(); !released) return released;
  auto jobs = queue_.List();
  if (!jobs) return std::move(jobs).error();
  for (const Job& job : *jobs) {
    const RepositoryPtr repository = find(job.repository);
    if (!repository) continue;
    flights_.Join(FlightName(job.repository, job.kind, job.argument));
    Schedule(Pending{job.id, repository, job.kind, job.argument,
                     std::min(job.priority, HostScheduler::kForegroundPriority - 1)});
  }
  return {};
}

void JobRunner::Tick() {
  std::vector<Pending> due;
  {
    MutexLock lock(mutex_);
    const auto end = retries_.upper_bound(clock_.Now());
    for (auto it = retries_.begin(); it != end; ++it) due.push_back(std::move(it->second));
    retries_.erase(retries_.begin(), end);
  }
  for (const Pending& pending : due) {
    flights_.Join(FlightName(pending.repository->id(), pending.kind, pending.argument));
    Schedule(pending);
  }
}

void JobRunner::Stop() {
  maintenance_.Stop();
}

void JobRunner::Schedule(const Pending& pending) {
  auto run = [this, pending] { RunOne(pending); };
  if (pending.kind == JobKind::kMaintain) {
    maintenance_.Submit(std::move(run));
  } else {
    scheduler_.Submit(pending.repository->key().host, pending.priority, std::move(run));
  }
}

void JobRunner::RunOne(const Pending& pending) {
  auto job = queue_.Claim(pending.id, clock_.Now() + kLease);
  const std::string name = FlightName(pending.repository->id(), pending.kind, pending.argument);
  if (!job) return flights_.Land(name, std::move(job).error(), kBurst);
  if (!*job) return AbandonIfGone(pending);
  const FlightTable::Ticket ticket = flights_.Join(name);
  Status status = [&] {
    const Repository::Use use(pending.repository);
    return execute_(**job, pending.repository, ticket.flight);
  }();
  if (!status && status.error().code != Errc::kInterrupted) {
    failed_(**job, pending.repository, status.error());
  }
  Conclude(pending, **job, std::move(status));
}

// There was nothing to claim: another thread has the job, or it was done before its retry was due,
// or it went with its repository.  In the latter cases nobody else would land the flight.
void JobRunner::AbandonIfGone(const Pending& pending) {
  const auto owed = queue_.Contains(
      JobSpec{pending.repository->id(), pending.kind, pending.argument, pending.priority});
  if (owed && *owed) return;
  ForgetScheduled(pending);
  flights_.Abandon(FlightName(pending.repository->id(), pending.kind, pending.argument));
}

void JobRunner::ForgetScheduled(const Pending& pending) {
  MutexLock lock(mutex_);
  const auto found =
      scheduled_.find(FlightName(pending.repository->id(), pending.kind, pending.argument));
  if (found != scheduled_.end() && found->second == pending.id) scheduled_.erase(found);
}

void JobRunner::Conclude(const Pending& pending, const Job& job, Status status) {
  const std::string name = FlightName(pending.repository->id(), pending.kind, pending.argument);
  const bool interrupted = !status && status.error().code == Errc::kInterrupted;
  const bool again =
      !status && MayPass(status.error().code) && job.attempts < limits_.attempt_count_max;
  // The catalog's own failures can't be recorded in the catalog; the job is then found again at the
  // next start.
  if (interrupted) {
    static_cast<void>(queue_.Retry(job.id, WallTime{}, ""));
  } else if (again) {
    const WallTime not_before = clock_.Now() + BackOff(job.attempts, Random());
    static_cast<void>(queue_.Retry(job.id, not_before, status.error().message));
    Pending later = pending;
    later.priority = std::min(later.priority, HostScheduler::kForegroundPriority - 1);
    MutexLock lock(mutex_);
    retries_.emplace(not_before, std::move(later));
  } else {
    static_cast<void>(queue_.Finish(job.id));
    ForgetScheduled(pending);
  }
  const bool may_pass = !status && MayPass(status.error().code);
  flights_.Land(name, std::move(status), may_pass ? kBurst : limits_.failure_ttl);
}

}  // namespace reposfs
