// Runs the jobs of the queue in this process, and lets callers wait for them, whoever runs them.
//
//   Submit() --> HostScheduler --> claim --> execute --+--> done: Finish(), the flight lands
//                   ^                  |               |
//   PickUp() -------+                  |               +--> failed: Retry() or Fail(), and the
//   (due, and nobody's yet)            |                    flight lands with the error
//                                      +--> another process has it: Poll() lands the flight when
//                                      the
//                                           queue says how it ended
//
// A job that fails for a reason that may pass is tried again by itself, later and later; whoever
// waits for it hears of the first failure.  Kinds that this process does not run are only watched.
//
// Thread-safety: every method may be called from any thread; Tick() and Poll() from one.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
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
#include "cache/transport.h"

namespace reposfs {

class JobRunner {
 public:
  struct Callbacks {
    // Does the work of `job`, on a thread that may block, and reports progress to `flight`.
    // `repository` is null for a job of none.
    std::function<Status(const Job& job, const RepositoryPtr& repository, const FlightPtr& flight)>
        execute;
    // Called when the job has failed, before those who wait hear of it.
    std::function<void(const Job& job, const RepositoryPtr& repository, const Error& error)> failed;
    // The repository of an id, or null.
    std::function<RepositoryPtr(std::int64_t id)> find;
    // Takes over what other processes have done, before those who wait for it are told.
    std::function<void()> sync;
    // Poll() is wanted soon.
    std::function<void()> wake;
  };

  struct Settings {
    std::string owner;           // Signs this process's claims.
    std::vector<JobKind> kinds;  // What this process runs.
    int attempt_count_max = kJobAttemptCountMax;
    milliseconds failure_ttl{};  // How long a final failure is believed.
    milliseconds lease = std::chrono::seconds(30);
  };

  JobRunner(JobQueue queue, HostScheduler& scheduler, FlightTable& flights, const Clock& clock,
            Settings settings, Callbacks callbacks);

  // Puts the job into the queue, or finds it there, and returns what to wait for.  A failure of the
  // same job that is still believed is returned as a flight that has landed.
  FlightPtr Submit(const RepositoryPtr& repository, JobKind kind, const std::string& argument,
                   int priority);

  // Renews what runs, starts what is due, and polls.  Call this about once a second.
  void Tick();
  // Lands the flights of jobs that other processes have ended.  Call this about every 50 ms while
  // waits_for_others().
  void Poll() REPOSFS_EXCLUDES(mutex_);
  bool waits_for_others() const REPOSFS_EXCLUDES(mutex_);

  // A job that runs tells so, about 20 times a second, with `progress` if it has made some since.
  // A failure means that it is this process's no more, and must end.
  Status Beat(std::int64_t id, const FetchProgress* progress) REPOSFS_EXCLUDES(mutex_);

  JobQueue& queue() { return queue_; }

  // Waits for the running jobs.  They stay in the queue for the next process.
  void Stop();

  // The name under which a job's flight and failure are kept.
  static std::string FlightName(std::int64_t repository, JobKind kind, const std::string& argument);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  struct Pending {
    std::int64_t id;
    RepositoryPtr repository;
    JobKind kind;
    std::string argument;
    int priority;

    std::string FlightName() const;
  };
  // The row behind a flight in the air.
  struct Watched {
    std::int64_t id = 0;
    std::int64_t claims = 0;
    bool elsewhere = false;      // Only other processes run it, or one of them does.
    int scheduled_priority = 0;  // The highest with which it waits here.
    WallTime progressed_at{};
  };
  struct Running {
    Job job;
    SteadyTime renewed_at;
    SteadyTime beat_at;
    bool progressed = false;  // Not told in the queue yet.
    bool lost = false;
  };

  bool Runs(JobKind kind) const;
  void Schedule(const Pending& pending);
  void RunOne(const Pending& pending);
  // Nothing if it is gone or taken.
  Result<std::optional<Job>> ClaimHere(const Pending& pending) REPOSFS_EXCLUDES(mutex_);
  milliseconds LeaseOf(JobKind kind) const;
  void Conclude(const Pending& pending, const Job& job, Status status);
  // Writes down how the job has ended; false if it is this process's no more.
  bool WriteEnd(const Job& job, const Status& status);
  void NobodyToRun(const Pending& pending);
  void PickUp();
  void Renew() REPOSFS_EXCLUDES(mutex_);
  // Whether the flight has landed.
  bool PollOne(const std::string& name, const Watched& watched);

  void Watch(const std::string& name, const Job& job, bool elsewhere) REPOSFS_EXCLUDES(mutex_);
  // It is about to wait here with `priority`.
  void NoteScheduled(const std::string& name, int priority) REPOSFS_EXCLUDES(mutex_);
  void Unwatch(const std::string& name, std::int64_t id) REPOSFS_EXCLUDES(mutex_);
  bool RunsHere(std::int64_t id) const REPOSFS_EXCLUDES(mutex_);
  int WatchedCount() const REPOSFS_EXCLUDES(mutex_);

  JobQueue queue_;
  HostScheduler& scheduler_;
  FlightTable& flights_;
  const Clock& clock_;
  const Settings settings_;
  const Callbacks callbacks_;
  ThreadPool maintenance_{"maintain", 1};  // For jobs that need no host.
  ThreadPool insights_{"insights", 1};     // These, too, and they may take as long.
  ThreadPool evicting_{"evict", 1};        // For those that wait until nobody uses a repository.
  ThreadPool housekeeping_{"housekeeping", 1};

  mutable Mutex mutex_;  // A leaf lock.
  std::map<std::string, Watched> watched_ REPOSFS_GUARDED_BY(mutex_);
  std::map<std::int64_t, Running> running_ REPOSFS_GUARDED_BY(mutex_);
  // Perhaps more than one thread tries.
  std::multiset<std::int64_t> claiming_ REPOSFS_GUARDED_BY(mutex_);
};

// Whether trying again later may help.
bool MayPass(Errc code);

}  // namespace reposfs
