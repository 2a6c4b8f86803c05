// The work that remains to be done, durably.
//
// A job is unique by (repository, kind, argument): asking twice for the same work is one job.  It
// is deleted when it is done, so the table holds only what is still owed.
//
//            Put()
//   (none) --------> queued --Claim()--> running --Finish()--> (none)
//                      ^                    |
//                      +---Retry(), Release()
//
// Thread-safety: every method may be called from any thread.  Errors: those of Catalog.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cache/sqlite_database.h"

namespace reposfs {

enum class JobKind {
  kClone,     // The tip of one commit.  Argument: the object to want.
  kHydrate,   // All blobs of one commit.  Argument: the commit.
  kHistory,   // Every branch and tag, whole.
  kFetch,     // Ask the upstream what has changed, and get it.
  kMaintain,  // One pack, commit-graph.
};

std::string_view JobKindName(JobKind kind);

struct JobSpec {
  std::int64_t repository;
  JobKind kind;
  std::string argument;
  int priority;  // The higher, the sooner.
};

struct Job {
  std::int64_t id = 0;
  std::int64_t repository = 0;
  JobKind kind = JobKind::kClone;
  std::string argument;
  int priority = 0;
  bool running = false;
  WallTime not_before{};
  int attempts = 0;
  std::string last_error;
};

class JobQueue {
 public:
  explicit JobQueue(SqliteDatabasePtr database) : database_(std::move(database)) {}

  // Adds a job, or finds the same one, which gets the higher of the two priorities and may run at
  // once.
  Result<Job> Put(const JobSpec& spec, WallTime now);

  // Takes the job for this process until `lease_until`.  Nothing if it is gone or taken.
  Result<std::optional<Job>> Claim(std::int64_t id, WallTime lease_until);
  // Whether a job of this repository, kind and argument is owed.
  Result<bool> Contains(const JobSpec& spec) const;
  Status Finish(std::int64_t id);
  Status Retry(std::int64_t id, WallTime not_before, std::string_view error);

  // Makes every running job queued again: whoever ran them has died.
  Status ReleaseAll();

  // The most urgent first.
  Result<std::vector<Job>> List() const;

 private:
  SqliteDatabasePtr database_;
};

// How long to wait before attempt number `attempts` + 1: exponential from 2 s to 10 min, with a
// jitter of a quarter.  `random` is any number.
std::chrono::milliseconds BackOff(int attempts, std::uint64_t random);

}  // namespace reposfs
