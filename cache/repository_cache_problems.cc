// What the processes on a cache directory do, and what is wrong with it.
#include <algorithm>
#include <utility>

#include "cache/problem.h"
#include "cache/repository_cache.h"

namespace reposfs {

std::map<std::string, HostUse> RepositoryCache::Hosts() const {
  std::map<std::string, HostUse> hosts;
  for (const auto& [name, state] : scheduler_.States()) {
    hosts[name] =
        HostUse{state.running_count, state.queued_count, {}, state.held_for, state.held_cause};
  }
  const auto uses = ledger_.Uses();
  const auto queued = QueuedByHost();
  for (const auto& [name, count] : queued) {
    hosts[name].queued_count = std::max(hosts[name].queued_count, count);
  }
  if (!uses) return hosts;
  for (const auto& [name, use] : *uses) hosts[name];
  for (auto& [name, host] : hosts) {
    const auto found = uses->find(name);
    const HostLedger::Use use = found != uses->end() ? found->second : HostLedger::Use{};
    host.running_count = use.place_count;
    const int requests_max = origin_.HostOf(name).value_or(HostOptions{}).requests_per_minute;
    if (requests_max != 0) host.requests_left = std::max(requests_max - use.request_count, 0);
  }
  return hosts;
}

std::map<std::string, int> RepositoryCache::QueuedByHost() const {
  std::map<std::string, int> counts;
  const auto jobs = runner_->queue().List({{}, JobState::kQueued, {}});
  for (const Job& job : jobs ? *jobs : std::vector<Job>()) {
    const RepositoryPtr repository = FindById(job.repository);
    const bool due = job.not_before <= clock_.Now();
    if (repository && due && NeedsHost(job.kind)) ++counts[repository->key().host];
  }
  return counts;
}

std::vector<ActiveTransfer> RepositoryCache::ActiveTransfers() const {
  std::vector<ActiveTransfer> transfers;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, transfer] : active_) transfers.push_back(transfer);
  }
  // Those of other processes, as they have told last.
  const auto running = runner_->queue().List({{}, JobState::kRunning, {}});
  for (const Job& job : running ? *running : std::vector<Job>()) {
    const RepositoryPtr repository = FindById(job.repository);
    if (!repository || job.owner == mark_.name() || job.kind == JobKind::kEvict) continue;
    FetchProgress progress;
    progress.received_bytes = job.progress.received_bytes;
    progress.object_count = job.progress.object_count;
    progress.object_count_total = job.progress.object_count_total;
    transfers.push_back(
        ActiveTransfer{repository->key().Text(), job.kind, job.attempts, progress, job.begun_at});
  }
  return transfers;
}

std::vector<Problem> RepositoryCache::Problems() const {
  std::vector<Problem> problems;
  for (const RepositoryPtr& repository : Repositories()) {
    const RepositoryRecord record = repository->record();
    if (record.error.empty()) continue;
    problems.push_back(
        Problem{Problem::About::kRepository, record.key, record.error, record.error_code,
                std::string(AdviceFor(ErrcOfName(record.error_code))), record.error_at});
  }
  for (const auto& [host, state] : scheduler_.States()) {
    if (state.held_for.count() == 0) continue;
    problems.push_back(Problem{Problem::About::kHost, host,
                               "left alone, as it asks: " + state.held_cause,
                               std::string(ErrcName(Errc::kUnreachable)),
                               "nothing; it is asked again by itself", std::nullopt});
  }
  if (auto disk = ProblemOfDisk()) problems.push_back(std::move(*disk));
  const auto jobs = runner_->queue().List();
  for (Problem& problem :
       ProblemsOfQueue(jobs ? *jobs : std::vector<Job>(), Processes(), clock_.Now())) {
    problems.push_back(std::move(problem));
  }
  return problems;
}

std::optional<Problem> RepositoryCache::ProblemOfDisk() const {
  Problem problem;
  problem.about = Problem::About::kDisk;
  problem.subject = options_.cache.directory.string();
  problem.code = ErrcName(Errc::kNoSpace);
  problem.advice = AdviceFor(Errc::kNoSpace);
  {
    MutexLock lock(mutex_);
    if (no_room_) {
      problem.error = "over the quota: " + no_room_->why.message;
      problem.since = no_room_->since;
      return problem;
    }
  }
  const auto full = room_->DiskFull();
  if (!full) return std::nullopt;
  problem.error = *full;
  problem.advice = "free disk space, or lower cache.quota";
  return problem;
}

}  // namespace reposfs
