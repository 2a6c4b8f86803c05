#include "cache/job_queue.h"

#include <algorithm>
#include <array>

namespace reposfs {
namespace {

constexpr std::array<std::string_view, 3> kStateNames = {"queued", "running", "failed"};

constexpr std::string_view kColumns =
    "id, repository, kind, argument, priority, state, not_before, attempts, last_error, "
    "error_code, lease_owner, lease_until, progressed_at, failed_at, claims, begun_at, "
    "received_bytes, object_count, object_count_total";

// Nothing if a newer reposfs has written it.
std::optional<Job> JobOf(const Statement& row) {
  const auto kind = ParseJobKind(row.Text(2));
  const auto state = std::find(kStateNames.begin(), kStateNames.end(), row.Text(5));
  if (!kind || state == kStateNames.end()) return std::nullopt;
  Job job;
  job.id = row.Int(0);
  job.repository = row.Int(1);
  job.kind = *kind;
  job.argument = row.Text(3);
  job.priority = static_cast<int>(row.Int(4));
  job.state = static_cast<JobState>(state - kStateNames.begin());
  job.not_before = FromMs(row.Int(6));
  job.attempts = static_cast<int>(row.Int(7));
  job.last_error = row.Text(8);
  job.error_code = row.Text(9);
  job.owner = row.Text(10);
  job.lease_until = FromMs(row.Int(11));
  job.progress.at = FromMs(row.Int(12));
  job.failed_at = FromMs(row.Int(13));
  job.claims = row.Int(14);
  job.begun_at = FromMs(row.Int(15));
  job.progress.received_bytes = static_cast<std::uint64_t>(row.Int(16));
  job.progress.object_count = static_cast<std::uint64_t>(row.Int(17));
  job.progress.object_count_total = static_cast<std::uint64_t>(row.Int(18));
  return job;
}

Result<std::vector<Job>> AllRows(Statement& statement) {
  std::vector<Job> jobs;
  auto read = statement.ForEachRow([&] {
    if (auto job = JobOf(statement)) jobs.push_back(std::move(*job));
  });
  if (!read) return std::move(read).error();
  return jobs;
}

// The first row, if there is one; the statement runs to its end.
Result<std::optional<Job>> OneRow(Statement& statement) {
  auto jobs = AllRows(statement);
  if (!jobs) return std::move(jobs).error();
  if (jobs->empty()) return std::optional<Job>();
  return std::optional<Job>(std::move(jobs->front()));
}

// How many rows a statement with RETURNING has changed.
Result<int> RowCount(Statement& statement) {
  int count = 0;
  auto read = statement.ForEachRow([&] { ++count; });
  if (!read) return std::move(read).error();
  return count;
}

Result<bool> Any(Statement& statement) {
  auto count = RowCount(statement);
  if (!count) return std::move(count).error();
  return *count > 0;
}

}  // namespace

std::string_view JobStateName(JobState state) {
  return kStateNames[static_cast<std::size_t>(state)];
}

Result<Job> JobQueue::Put(const JobSpec& spec, WallTime now) {
  MutexLock lock(database_->mutex);
  Statement put(*database_,
                "INSERT INTO jobs (repository, kind, argument, priority, state, not_before, "
                "created_at) VALUES (?, ?, ?, ?, 'queued', ?, ?) ON CONFLICT (repository, kind, "
                "argument) DO UPDATE SET priority = max(priority, excluded.priority), "
                "not_before = min(not_before, excluded.not_before), "
                "attempts = iif(state = 'failed', 0, attempts), "
                "last_error = iif(state = 'failed', '', last_error), "
                "state = iif(state = 'failed', 'queued', state) RETURNING " +
                    std::string(kColumns));
  put.Bind(spec.repository).Bind(JobKindName(spec.kind)).Bind(spec.argument);
  auto job = OneRow(put.Bind(std::int64_t{spec.priority}).Bind(ToMs(now)).Bind(ToMs(now)));
  if (!job) return std::move(job).error();
  if (!*job) return Error{Errc::kUnsupported, "catalog: a newer reposfs has written this job"};
  return std::move(**job);
}

Status JobQueue::PutLater(const JobSpec& spec, WallTime now, WallTime not_before) {
  MutexLock lock(database_->mutex);
  return Statement(*database_,
                   "INSERT INTO jobs (repository, kind, argument, priority, state, not_before, "
                   "created_at) VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?6) ON CONFLICT DO UPDATE "
                   "SET state = 'queued', not_before = ?5 WHERE state = 'failed' OR (state = "
                   "'running' AND lease_until < ?6)")
      .Bind(spec.repository)
      .Bind(JobKindName(spec.kind))
      .Bind(spec.argument)
      .Bind(std::int64_t{spec.priority})
      .Bind(ToMs(not_before))
      .Bind(ToMs(now))
      .Run();
}

Result<std::optional<Job>> JobQueue::Claim(std::int64_t id, const JobLease& lease) {
  MutexLock lock(database_->mutex);
  Statement claim(*database_,
                  "UPDATE jobs SET state = 'running', attempts = attempts + 1, claims = claims + "
                  "1, received_bytes = 0, object_count = 0, object_count_total = 0, begun_at = ?, "
                  "lease_owner = ?, "
                  "lease_until = ? WHERE id = ? AND state = 'queued' RETURNING " +
                      std::string(kColumns));
  return OneRow(
      claim.Bind(ToMs(lease.begun_at)).Bind(lease.owner).Bind(ToMs(lease.until)).Bind(id));
}

template <typename Bind>
Result<bool> JobQueue::ChangeMine(const Job& job, std::string_view sql, Bind bind) {
  MutexLock lock(database_->mutex);
  Statement change(*database_, std::string(sql) +
                                   " WHERE id = ? AND state = 'running' AND lease_owner = ? AND "
                                   "claims = ? RETURNING id");
  bind(change);
  return Any(change.Bind(job.id).Bind(job.owner).Bind(job.claims));
}

Result<bool> JobQueue::Renew(const Job& job, WallTime until, const JobProgress& progress) {
  return ChangeMine(job,
                    "UPDATE jobs SET lease_until = ?, progressed_at = ?, received_bytes = ?, "
                    "object_count = ?, object_count_total = ?",
                    [&](Statement& renew) {
                      renew.Bind(ToMs(until)).Bind(ToMs(progress.at));
                      renew.Bind(static_cast<std::int64_t>(progress.received_bytes));
                      renew.Bind(static_cast<std::int64_t>(progress.object_count));
                      renew.Bind(static_cast<std::int64_t>(progress.object_count_total));
                    });
}

Result<bool> JobQueue::Finish(const Job& job) {
  return ChangeMine(job, "DELETE FROM jobs", [](Statement&) {});
}

Result<bool> JobQueue::Retry(const Job& job, WallTime not_before, const Error& error) {
  return ChangeMine(
      job, "UPDATE jobs SET state = 'queued', not_before = ?, last_error = ?, error_code = ?",
      [&](Statement& retry) {
        retry.Bind(ToMs(not_before)).Bind(error.message).Bind(ErrcName(error.code));
      });
}

Result<bool> JobQueue::Release(const Job& job) {
  return ChangeMine(job,
                    "UPDATE jobs SET state = 'queued', not_before = 0, attempts = attempts - 1, "
                    "error_code = ?",
                    [](Statement& release) { release.Bind(ErrcName(Errc::kInterrupted)); });
}

Result<bool> JobQueue::Fail(const Job& job, WallTime now, const Error& error) {
  return ChangeMine(
      job, "UPDATE jobs SET state = 'failed', failed_at = ?, last_error = ?, error_code = ?",
      [&](Statement& fail) {
        fail.Bind(ToMs(now)).Bind(error.message).Bind(ErrcName(error.code));
      });
}

Result<std::vector<std::string>> JobQueue::Owners() const {
  MutexLock lock(database_->mutex);
  Statement select(*database_, "SELECT DISTINCT lease_owner FROM jobs WHERE state = 'running'");
  std::vector<std::string> owners;
  auto read = select.ForEachRow([&] { owners.push_back(select.Text(0)); });
  if (!read) return std::move(read).error();
  return owners;
}

Result<int> JobQueue::ReleaseWhere(std::string_view condition, WallTime now, int attempt_count_max,
                                   const std::string& owner) {
  MutexLock lock(database_->mutex);
  // The first time it is begun again at once: most likely its process was ended, not its work.
  Statement release(*database_,
                    "UPDATE jobs SET state = iif(attempts >= ?1, 'failed', 'queued'), "
                    "failed_at = iif(attempts >= ?1, ?2, 0), "
                    "not_before = ?2 + iif(attempts <= 1, 0, 1000 << min(attempts, 9)), "
                    "last_error = 'the process that ran it (' || lease_owner || ') has died, or "
                    "hangs', error_code = 'interrupted' WHERE state = 'running' AND " +
                        std::string(condition) + " RETURNING id");
  release.Bind(std::int64_t{attempt_count_max}).Bind(ToMs(now));
  return RowCount(release.Bind(owner));
}

Result<int> JobQueue::ReleaseOwner(const std::string& owner, WallTime now, int attempt_count_max) {
  return ReleaseWhere("lease_owner = ?3", now, attempt_count_max, owner);
}

Result<int> JobQueue::ReleaseLapsed(const std::string& myself, WallTime now,
                                    int attempt_count_max) {
  return ReleaseWhere("lease_until < ?2 AND lease_owner <> ?3", now, attempt_count_max, myself);
}

Result<int> JobQueue::RemoveFailed(WallTime time) {
  MutexLock lock(database_->mutex);
  Statement remove(*database_,
                   "DELETE FROM jobs WHERE state = 'failed' AND failed_at < ? RETURNING id");
  return RowCount(remove.Bind(ToMs(time)));
}

Result<bool> JobQueue::Requeue(std::int64_t id, WallTime now) {
  MutexLock lock(database_->mutex);
  Statement requeue(*database_,
                    "UPDATE jobs SET state = 'queued', not_before = ?, attempts = 0 WHERE id = ? "
                    "AND state <> 'running' RETURNING id");
  return Any(requeue.Bind(ToMs(now)).Bind(id));
}

Result<bool> JobQueue::Cancel(std::int64_t id) {
  MutexLock lock(database_->mutex);
  Statement cancel(*database_, "DELETE FROM jobs WHERE id = ? AND state <> 'running' RETURNING id");
  return Any(cancel.Bind(id));
}

Result<std::vector<Job>> JobQueue::Due(const std::vector<JobKind>& kinds, WallTime now,
                                       int count_max) const {
  std::string names;
  for (const JobKind kind : kinds) {
    names += (names.empty() ? "'" : ", '") + std::string(JobKindName(kind)) + "'";
  }
  MutexLock lock(database_->mutex);
  Statement select(*database_, "SELECT " + std::string(kColumns) +
                                   " FROM jobs WHERE state = 'queued' AND not_before <= ? AND kind "
                                   "IN (" +
                                   names + ") ORDER BY priority DESC, id LIMIT ?");
  return AllRows(select.Bind(ToMs(now)).Bind(std::int64_t{count_max}));
}

Result<std::optional<Job>> JobQueue::Find(std::int64_t id) const {
  MutexLock lock(database_->mutex);
  Statement select(*database_, "SELECT " + std::string(kColumns) + " FROM jobs WHERE id = ?");
  return OneRow(select.Bind(id));
}

Result<std::vector<Job>> JobQueue::List(const JobFilter& filter) const {
  MutexLock lock(database_->mutex);
  Statement select(*database_, "SELECT " + std::string(kColumns) +
                                   " FROM jobs WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR "
                                   "state = ?2) AND (?3 IS NULL OR repository = ?3) ORDER BY "
                                   "priority DESC, id");
  select.Bind(filter.kind ? std::optional(JobKindName(*filter.kind)) : std::nullopt);
  select.Bind(filter.state ? std::optional(JobStateName(*filter.state)) : std::nullopt);
  return AllRows(select.Bind(filter.repository));
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
