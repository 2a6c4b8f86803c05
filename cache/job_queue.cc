#include "cache/job_queue.h"

#include <algorithm>
#include <array>

namespace reposfs {
namespace {

constexpr std::array<std::string_view, 5> kKindNames = {"clone", "hydrate", "history", "fetch",
                                                        "maintain"};

constexpr std::string_view kColumns =
    "id, repository, kind, argument, priority, state = 'running', not_before, attempts, last_error";

std::int64_t ToMs(WallTime time) {
  return time.time_since_epoch().count();
}

Job JobOf(const Statement& row) {
  Job job;
  job.id = row.Int(0);
  job.repository = row.Int(1);
  const auto kind = std::find(kKindNames.begin(), kKindNames.end(), row.Text(2));
  job.kind = static_cast<JobKind>(kind - kKindNames.begin());
  job.argument = row.Text(3);
  job.priority = static_cast<int>(row.Int(4));
  job.running = row.Int(5) != 0;
  job.not_before = WallTime(std::chrono::milliseconds(row.Int(6)));
  job.attempts = static_cast<int>(row.Int(7));
  job.last_error = row.Text(8);
  return job;
}

}  // namespace

std::string_view JobKindName(JobKind kind) {
  return kKindNames[static_cast<std::size_t>(kind)];
}

Result<Job> JobQueue::Put(const JobSpec& spec, WallTime now) {
  MutexLock lock(database_->mutex);
  Statement put(*database_,
                "INSERT INTO jobs (repository, kind, argument, priority, state, not_before, "
                "created_at) VALUES (?, ?, ?, ?, 'queued', ?, ?) ON CONFLICT (repository, kind, "
                "argument) DO UPDATE SET priority = max(priority, excluded.priority), not_before = "
                "min(not_before, excluded.not_before) RETURNING " +
                    std::string(kColumns));
  put.Bind(spec.repository).Bind(JobKindName(spec.kind)).Bind(spec.argument);
  auto row = put.Bind(std::int64_t{spec.priority}).Bind(ToMs(now)).Bind(ToMs(now)).Step();
  if (!row) return std::move(row).error();
  Job job = JobOf(put);
  if (auto done = put.Run(); !done) return std::move(done).error();
  return job;
}

Result<std::optional<Job>> JobQueue::Claim(std::int64_t id, WallTime lease_until) {
  MutexLock lock(database_->mutex);
  Statement claim(
      *database_,
      "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_until = ? WHERE "
      "id = ? AND state = 'queued' RETURNING " +
          std::string(kColumns));
  auto row = claim.Bind(ToMs(lease_until)).Bind(id).Step();
  if (!row) return std::move(row).error();
  if (!*row) return std::optional<Job>();
  std::optional<Job> job = JobOf(claim);
  if (auto done = claim.Run(); !done) return std::move(done).error();
  return job;
}

Result<bool> JobQueue::Contains(const JobSpec& spec) const {
  MutexLock lock(database_->mutex);
  return Statement(*database_,
                   "SELECT 1 FROM jobs WHERE repository = ? AND kind = ? AND argument = ?")
      .Bind(spec.repository)
      .Bind(JobKindName(spec.kind))
      .Bind(spec.argument)
      .Step();
}

Status JobQueue::Finish(std::int64_t id) {
  MutexLock lock(database_->mutex);
  return Statement(*database_, "DELETE FROM jobs WHERE id = ?").Bind(id).Run();
}

Status JobQueue::Retry(std::int64_t id, WallTime not_before, std::string_view error) {
  MutexLock lock(database_->mutex);
  return Statement(*database_,
                   "UPDATE jobs SET state = 'queued', not_before = ?, last_error = ? WHERE id = ?")
      .Bind(ToMs(not_before))
      .Bind(error)
      .Bind(id)
      .Run();
}

Status JobQueue::ReleaseAll() {
  MutexLock lock(database_->mutex);
  return Statement(*database_, "UPDATE jobs SET state = 'queued', not_before = 0").Run();
}

Result<std::vector<Job>> JobQueue::List() const {
  MutexLock lock(database_->mutex);
  Statement list(*database_,
                 "SELECT " + std::string(kColumns) + " FROM jobs ORDER BY priority DESC, id");
  std::vector<Job> jobs;
  while (true) {
    auto row = list.Step();
    if (!row) return std::move(row).error();
    if (!*row) return jobs;
    jobs.push_back(JobOf(list));
  }
}

std::chrono::milliseconds BackOff(int attempts, std::uint64_t random) {
  constexpr std::int64_t kFirstMs = 2'000;
  constexpr std::int64_t kLastMs = 600'000;
  const int doublings = std::clamp(attempts - 1, 0, 20);
  const std::int64_t base = std::min(kFirstMs << doublings, kLastMs);
  const auto jitter = static_cast<std::int64_t>(random % static_cast<std::uint64_t>(base / 4 + 1));
  return std::chrono::milliseconds(base + jitter);
}

}  // namespace reposfs
