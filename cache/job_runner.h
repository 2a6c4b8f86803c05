// Runs the jobs of the queue in this process, and lets callers wait for them.
//
//   Submit() --> HostScheduler --> claim --> execute --+--> done: Finish(), the flight lands
//                     ^                                |
//                     +------ later: Retry() <---------+--> failed: the flight lands with the error
//
// A job that fails for a reason that may pass is tried again by itself, later and later; whoever
// waits for it hears of the first failure.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/flight.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "cache/flight_table.h"
#include "cache/host_scheduler.h"
#include "cache/job_queue.h"
#include "cache/repository.h"

namespace reposfs {

class JobRunner {
 public:
  // Does the work of `job`, on a thread of the scheduler, and reports progress to `flight`.
  using Execute = std::function<Status(const Job& job, const RepositoryPtr& repository,
                                       const FlightPtr& flight)>;
  // Called when the job has failed, before those who wait hear of it.
  using Failed =
      std::function<void(const Job& job, const RepositoryPtr& repository, const Error& error)>;

  struct Limits {
    int attempt_count_max = 8;
    milliseconds failure_ttl;  // How long a final failure is believed.
  };

  JobRunner(JobQueue queue, HostScheduler& scheduler, FlightTable& flights, const Clock& clock,
            Limits limits, Execute execute, Failed failed);

  // Puts the job into the queue, or finds it there, and returns what to wait for.  A failure of the
  // same job that is still believed is returned as a flight that has landed.
  FlightPtr Submit(const RepositoryPtr& repository, JobKind kind, const std::string& argument,
                   int priority);

  // Runs again what an earlier process left; `find` gives the repository of an id, or null.
  Status Resume(const std::function<RepositoryPtr(std::int64_t)>& find);

  // Starts the retries that are due.  Call this about once a second.
  void Tick() REPOSFS_EXCLUDES(mutex_);

  Result<std::vector<Job>> List() const { return queue_.List(); }

  // Waits for the running jobs.  They stay in the queue for the next process.
  void Stop();

  // The name under which a job's flight and failure are kept.
  static std::string FlightName(std::int64_t repository, JobKind kind, const std::string& argument);

 private:
  struct Pending {
    std::int64_t id;
    RepositoryPtr repository;
    JobKind kind;
    std::string argument;
    int priority;
  };

  void Schedule(const Pending& pending);
  void RunOne(const Pending& pending);
  void ForgetScheduled(const Pending& pending) REPOSFS_EXCLUDES(mutex_);
  void AbandonIfGone(const Pending& pending);
  void Conclude(const Pending& pending, const Job& job, Status status);

  JobQueue queue_;
  HostScheduler& scheduler_;
  FlightTable& flights_;
  const Clock& clock_;
  const Limits limits_;
  const Execute execute_;
  const Failed failed_;
  ThreadPool maintenance_{"maintain", 1};  // For jobs that need no host.

  Mutex mutex_;  // A leaf lock.
  std::multimap<WallTime, Pending> retries_ REPOSFS_GUARDED_BY(mutex_);
  // The row that was scheduled for each flight.
  std::map<std::string, std::int64_t> scheduled_ REPOSFS_GUARDED_BY(mutex_);
};

// Whether trying again later may help.
bool MayPass(Errc code);

}  // namespace reposfs
