// The work that remains to be done, durably, for every process that has opened the catalog.
//
// A job is unique by (repository, kind, argument): asking twice for the same work is one job.  It
// is deleted when it is done, so the table holds what is still owed, and what was given up.
//
//                    Put(), Requeue()
//               +------------------------------------------------------+
//        Put()  v         Claim()            Finish()                  |
//   (none) --> queued --------------> running ------> (none)           |
//               ^                       |  |  Fail()                   |
//               +--Retry(), Release(), -+  +-------------------------> failed --RemoveFailed()-->
//                  ReleaseOwner(), ReleaseLapsed(), PutLater()            (none)
//
// Who claims a job has it until its lease lapses, and must renew the lease before that.  The number
// of the claim is the fencing token: a process that was asleep while its job was given to another
// one can neither finish it nor put it back.  It only grows; the number of attempts is for the
// back-off, and begins anew when somebody asks for that.
//
// Thread-safety: every method may be called from any thread, and by any process on the same file.
// Errors: those of Catalog.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cache/job_kind.h"
#include "cache/sqlite_database.h"

namespace reposfs {

// A job that has failed so often for reasons that may pass, or killed so many processes, is given
// up.
inline constexpr int kJobAttemptCountMax = 8;

enum class JobState { kQueued, kRunning, kFailed };

std::string_view JobStateName(JobState state);

// The `repository` of a job that is of none.
inline constexpr std::int64_t kNoRepository = 0;

struct JobSpec {
  std::int64_t repository;
  JobKind kind;
  std::string argument;
  int priority;  // The higher, the sooner.
};

// How far a running job has come, for those who wait for it in other processes.
struct JobProgress {
  WallTime at{};  // When it was seen to make progress last.
  std::uint64_t received_bytes = 0;
  std::uint64_t object_count = 0;
  std::uint64_t object_count_total = 0;  // 0: not known yet.
};

struct Job {
  std::int64_t id = 0;
  std::int64_t repository = kNoRepository;
  JobKind kind = JobKind::kClone;
  std::string argument;
  int priority = 0;
  JobState state = JobState::kQueued;
  WallTime not_before{};
  int attempts = 0;
  std::int64_t claims = 0;  // Different for each claim of the job.
  std::string last_error;
  std::string error_code;  // Of the last error, as ErrcName() has it.
  std::string owner;       // Who runs it, or ran it last.
  WallTime lease_until{};
  WallTime failed_at{};
  WallTime begun_at{};
  JobProgress progress;

  bool running() const { return state == JobState::kRunning; }
};

struct JobLease {
  std::string owner;
  WallTime until;
  WallTime begun_at{};
};

// Which jobs to list; what is not set matches all.
struct JobFilter {
  std::optional<JobKind> kind;
  std::optional<JobState> state;
  std::optional<std::int64_t> repository;
};

class JobQueue {
 public:
  explicit JobQueue(SqliteDatabasePtr database) : database_(std::move(database)) {}

  // Adds a job, or finds the same one, which gets the higher of the two priorities and may run at
  // once; one that was given up begins anew.
  Result<Job> Put(const JobSpec& spec, WallTime now);
  // The same for housekeeping, which is done again and again: an equal job that is queued stays as
  // it is.  One that has failed, or whose lease has lapsed at `now`, is queued again here, since
  // nobody else would see to it.
  Status PutLater(const JobSpec& spec, WallTime now, WallTime not_before);

  // Takes the job.  Nothing if it is gone or taken.
  Result<std::optional<Job>> Claim(std::int64_t id, const JobLease& lease);

  // These concern a job as Claim() returned it, and return whether it is still the caller's.
  Result<bool> Renew(const Job& job, WallTime until, const JobProgress& progress);
  Result<bool> Finish(const Job& job);
  // Queues it again: after a failure; or untouched, as if nobody had tried.
  Result<bool> Retry(const Job& job, WallTime not_before, const Error& error);
  Result<bool> Release(const Job& job);
  Result<bool> Fail(const Job& job, WallTime now, const Error& error);

  // Who has claimed jobs that are running.
  Result<std::vector<std::string>> Owners() const;
  // Queues again what a process that is no more, or any but `myself` whose lease has lapsed, had
  // claimed (after a suspension all clocks have jumped, and who asks is awake).  Each
  // has cost an attempt; one that has cost `attempt_count_max` processes is given up.  Returns how
  // many there were.
  Result<int> ReleaseOwner(const std::string& owner, WallTime now, int attempt_count_max);
  Result<int> ReleaseLapsed(const std::string& myself, WallTime now, int attempt_count_max);
  // Forgets what failed before `time`.
  Result<int> RemoveFailed(WallTime time);

  // For users.  False if there is no such job, or it is running.
  Result<bool> Requeue(std::int64_t id, WallTime now);
  Result<bool> Cancel(std::int64_t id);

  // Those of `kinds` that may run now, the most urgent first.
  Result<std::vector<Job>> Due(const std::vector<JobKind>& kinds, WallTime now,
                               int count_max) const;
  Result<std::optional<Job>> Find(std::int64_t id) const;
  Result<std::vector<Job>> List(const JobFilter& filter = {}) const;

 private:
  // Runs `sql`, an UPDATE or DELETE of a job that the caller has claimed: its conditions are
  // appended, and `bind` gives the other parameters.
  template <typename Bind>
  Result<bool> ChangeMine(const Job& job, std::string_view sql, Bind bind);
  Result<int> ReleaseWhere(std::string_view condition, WallTime now, int attempt_count_max,
                           const std::string& owner);

  SqliteDatabasePtr database_;
};

// How long to wait before attempt number `attempts` + 1: exponential from 2 s to 10 min, with a
// jitter of a quarter.  `random` is any number.
std::chrono::milliseconds BackOff(int attempts, std::uint64_t random);

}  // namespace reposfs
