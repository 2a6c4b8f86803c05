#include "cache/catalog.h"

#include <array>

#include "base/text.h"

namespace reposfs {
namespace {

// Version 1 of the schema, and what leads from each version to the next.
constexpr std::array<const char*, 6> kMigrations = {R"sql(
CREATE TABLE repositories (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  upstream TEXT NOT NULL,
  stage INTEGER NOT NULL DEFAULT 0,
  size_bytes INTEGER NOT NULL DEFAULT 0,
  last_opened INTEGER NOT NULL DEFAULT 0,
  open_count INTEGER NOT NULL DEFAULT 0,
  pinned INTEGER NOT NULL DEFAULT 0,
  head TEXT NOT NULL DEFAULT '',
  last_fetched INTEGER NOT NULL DEFAULT 0,
  last_checked INTEGER NOT NULL DEFAULT 0,
  last_changed INTEGER NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '',
  error_code TEXT NOT NULL DEFAULT '',
  error_at INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE roots (
  repository INTEGER NOT NULL REFERENCES repositories(id),
  commit_id TEXT NOT NULL,
  stage INTEGER NOT NULL,
  PRIMARY KEY (repository, commit_id)
) WITHOUT ROWID;
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository INTEGER NOT NULL REFERENCES repositories(id),
  kind TEXT NOT NULL,
  argument TEXT NOT NULL,
  priority INTEGER NOT NULL,
  state TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT '',
  lease_owner TEXT NOT NULL DEFAULT '',
  lease_until INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  UNIQUE (repository, kind, argument)
);
CREATE INDEX jobs_by_priority ON jobs (state, priority DESC, id);
CREATE TABLE evictions (
  at INTEGER NOT NULL,
  key TEXT NOT NULL,
  reason TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  for_key TEXT NOT NULL
);
CREATE INDEX evictions_by_time ON evictions (at);
)sql",
                                                    R"sql(
ALTER TABLE repositories ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
CREATE INDEX repositories_by_revision ON repositories (revision);
ALTER TABLE jobs ADD COLUMN error_code TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN progressed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN failed_at INTEGER NOT NULL DEFAULT 0;
)sql",
                                                    R"sql(
CREATE TABLE hosts (
  name TEXT PRIMARY KEY,
  held_until INTEGER NOT NULL,
  cause TEXT NOT NULL
) WITHOUT ROWID;
)sql",
                                                    R"sql(
CREATE TABLE host_places (
  host TEXT NOT NULL,
  owner TEXT NOT NULL,
  place INTEGER NOT NULL,
  background INTEGER NOT NULL,
  lease_until INTEGER NOT NULL,
  PRIMARY KEY (host, owner, place)
) WITHOUT ROWID;
CREATE TABLE host_waits (
  host TEXT NOT NULL,
  owner TEXT NOT NULL,
  priority INTEGER NOT NULL,
  since INTEGER NOT NULL,
  lease_until INTEGER NOT NULL,
  PRIMARY KEY (host, owner)
) WITHOUT ROWID;
CREATE TABLE host_requests (
  host TEXT NOT NULL,
  at INTEGER NOT NULL,
  owner TEXT NOT NULL,
  place INTEGER NOT NULL,
  count INTEGER NOT NULL
);
CREATE INDEX host_requests_by_time ON host_requests (host, at);
)sql",
                                                    R"sql(
ALTER TABLE jobs ADD COLUMN claims INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET claims = attempts;
)sql",
                                                    R"sql(
ALTER TABLE jobs ADD COLUMN begun_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN received_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN object_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN object_count_total INTEGER NOT NULL DEFAULT 0;
)sql"};
constexpr std::int64_t kSchemaVersion = kMigrations.size();

// Older evictions than this many are forgotten.
constexpr std::int64_t kEvictionCountMax = 10'000;

Status CreateOrCheckSchema(SqliteDatabase& database) REPOSFS_REQUIRES(database.mutex) {
  Transaction transaction(database);
  const auto read = database.UserVersion();
  if (!read) return read.error();
  const std::int64_t version = *read;
  if (version == kSchemaVersion) return {};
  if (version > kSchemaVersion) {
    return Error{Errc::kUnsupported,
                 "catalog: written by a newer reposfs; update this one, or use another cache "
                 "directory"};
  }
  for (auto next = static_cast<std::size_t>(version); next < kMigrations.size(); ++next) {
    if (auto migrated = database.Execute(kMigrations[next]); !migrated) return migrated;
  }
  if (auto versioned = database.SetUserVersion(kSchemaVersion); !versioned) return versioned;
  return transaction.Commit();
}

constexpr std::string_view kColumns =
    "id, key, upstream, stage, size_bytes, last_opened, open_count, pinned, head, last_fetched, "
    "last_checked, last_changed, error, error_code, error_at, revision";

constexpr std::string_view kNextRevision =
    "revision = (SELECT max(revision) FROM repositories) + 1";

RepositoryRecord RecordOf(const Statement& row) {
  RepositoryRecord record;
  record.id = row.Int(0);
  record.key = row.Text(1);
  record.upstream = row.Text(2);
  record.stage = static_cast<Stage>(row.Int(3));
  record.size_bytes = static_cast<std::uint64_t>(row.Int(4));
  record.last_opened = FromMs(row.Int(5));
  record.open_count = row.Int(6);
  record.pinned = row.Int(7) != 0;
  record.head = row.Text(8);
  record.last_fetched = FromMs(row.Int(9));
  record.last_checked = FromMs(row.Int(10));
  record.last_changed = FromMs(row.Int(11));
  record.error = row.Text(12);
  record.error_code = row.Text(13);
  record.error_at = FromMs(row.Int(14));
  record.revision = row.Int(15);
  return record;
}

// Runs a statement that returns the columns of one repository.
Result<RepositoryRecord> OneRecord(Statement& statement) {
  auto row = statement.Step();
  if (!row) return std::move(row).error();
  if (!*row) return Error{Errc::kIo, "catalog: there is no such repository"};
  RepositoryRecord record = RecordOf(statement);
  if (auto done = statement.Run(); !done) return std::move(done).error();
  return record;
}

Result<std::vector<RepositoryRecord>> AllRecords(Statement& statement) {
  std::vector<RepositoryRecord> records;
  auto read = statement.ForEachRow([&] { records.push_back(RecordOf(statement)); });
  if (!read) return std::move(read).error();
  return records;
}

}  // namespace

std::string_view StageName(Stage stage) {
  constexpr std::array<std::string_view, 4> kNames = {"absent", "tip", "content", "complete"};
  return kNames[static_cast<std::size_t>(stage)];
}

Result<Stage> ParseStage(std::string_view name) {
  for (const Stage stage : {Stage::kAbsent, Stage::kTip, Stage::kContent, Stage::kComplete}) {
    if (name == StageName(stage)) return stage;
  }
  return Error{Errc::kInvalidArgument,
               "\"" + Printable(name) + "\" is no stage; write tip, content or complete"};
}

Result<Catalog> Catalog::Open(const std::filesystem::path& path) {
  auto database = SqliteDatabase::Open(path);
  if (!database) return std::move(database).error();
  MutexLock lock((*database)->mutex);
  if (auto ready = CreateOrCheckSchema(**database); !ready) return std::move(ready).error();
  return Catalog(std::move(*database));
}

Result<std::vector<RepositoryRecord>> Catalog::Repositories() const {
  MutexLock lock(database_->mutex);
  Statement select(*database_,
                   "SELECT " + std::string(kColumns) + " FROM repositories ORDER BY id");
  return AllRecords(select);
}

Result<RepositoryRecord> Catalog::Repository(std::int64_t id) const {
  MutexLock lock(database_->mutex);
  Statement select(*database_,
                   "SELECT " + std::string(kColumns) + " FROM repositories WHERE id = ?");
  return OneRecord(select.Bind(id));
}

Result<std::vector<RepositoryRecord>> Catalog::ChangedAfter(std::int64_t revision) const {
  MutexLock lock(database_->mutex);
  Statement select(*database_, "SELECT " + std::string(kColumns) +
                                   " FROM repositories WHERE revision > ? ORDER BY revision");
  return AllRecords(select.Bind(revision));
}

Result<std::int64_t> Catalog::OthersVersion() const {
  MutexLock lock(database_->mutex);
  Statement select(*database_, "PRAGMA data_version");
  auto row = select.Step();
  if (!row) return std::move(row).error();
  return select.Int(0);
}

Result<std::int64_t> Catalog::AddRepository(std::string_view key, std::string_view upstream) {
  MutexLock lock(database_->mutex);
  Statement insert(*database_,
                   "INSERT INTO repositories (key, upstream, revision) VALUES (?, ?, (SELECT "
                   "coalesce(max(revision), 0) FROM repositories) + 1) ON CONFLICT (key) DO UPDATE "
                   "SET upstream = excluded.upstream RETURNING id");
  auto row = insert.Bind(key).Bind(upstream).Step();
  if (!row) return std::move(row).error();
  const std::int64_t id = insert.Int(0);
  if (auto done = insert.Run(); !done) return std::move(done).error();
  return id;
}

Result<RepositoryRecord> Catalog::Change(std::int64_t id, const RepositoryChange& change) {
  const auto ms = [](const std::optional<WallTime>& time) {
    return time ? std::optional<std::int64_t>(ToMs(*time)) : std::nullopt;
  };
  const auto number = [](const auto& value) {
    return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
  };
  const auto& failure = change.failure;
  MutexLock lock(database_->mutex);
  Statement update(*database_,
                   "UPDATE repositories SET stage = max(stage, coalesce(?, stage)), "
                   "size_bytes = coalesce(?, size_bytes), head = coalesce(?, head), "
                   "last_fetched = coalesce(?, last_fetched), "
                   "last_checked = coalesce(?, last_checked), "
                   "last_changed = coalesce(?, last_changed), error = coalesce(?, error), "
                   "error_code = coalesce(?, error_code), error_at = coalesce(?, error_at), " +
                       std::string(kNextRevision) + " WHERE id = ? RETURNING " +
                       std::string(kColumns));
  update.Bind(number(change.reached)).Bind(number(change.size_bytes)).Bind(change.head);
  update.Bind(ms(change.last_fetched)).Bind(ms(change.last_checked)).Bind(ms(change.last_changed));
  update.Bind(failure ? std::optional(failure->message) : std::nullopt);
  update.Bind(failure ? std::optional(failure->code) : std::nullopt);
  update.Bind(failure ? ms(failure->at) : std::nullopt);
  return OneRecord(update.Bind(id));
}

Result<RepositoryRecord> Catalog::SetPinned(std::int64_t id, bool pinned) {
  MutexLock lock(database_->mutex);
  Statement update(*database_, "UPDATE repositories SET pinned = ?, " + std::string(kNextRevision) +
                                   " WHERE id = ? RETURNING " + std::string(kColumns));
  return OneRecord(update.Bind(std::int64_t{pinned}).Bind(id));
}

Status Catalog::RecordOpened(const std::vector<OpenedRecord>& opened) {
  MutexLock lock(database_->mutex);
  Transaction transaction(*database_);
  for (const OpenedRecord& record : opened) {
    Status updated =
        Statement(*database_,
                  "UPDATE repositories SET last_opened = ?, open_count = open_count + ? "
                  "WHERE id = ?")
            .Bind(ToMs(record.last_opened))
            .Bind(record.more_opens)
            .Bind(record.id)
            .Run();
    if (!updated) return updated;
  }
  return transaction.Commit();
}

Result<std::unordered_map<std::int64_t, std::vector<RootRecord>>> Catalog::Roots() const {
  MutexLock lock(database_->mutex);
  Statement statement(*database_, "SELECT repository, commit_id, stage FROM roots");
  std::unordered_map<std::int64_t, std::vector<RootRecord>> roots;
  auto read = statement.ForEachRow([&] {
    const auto commit = Oid::FromHex(statement.Text(1));
    if (!commit) return;
    roots[statement.Int(0)].push_back(RootRecord{*commit, static_cast<Stage>(statement.Int(2))});
  });
  if (!read) return std::move(read).error();
  return roots;
}

Result<std::vector<RootRecord>> Catalog::RootsOf(std::int64_t id) const {
  MutexLock lock(database_->mutex);
  Statement select(*database_,
                   "SELECT commit_id, stage FROM roots WHERE repository = ? ORDER BY commit_id");
  select.Bind(id);
  std::vector<RootRecord> roots;
  auto read = select.ForEachRow([&] {
    const auto commit = Oid::FromHex(select.Text(0));
    if (commit) roots.push_back(RootRecord{*commit, static_cast<Stage>(select.Int(1))});
  });
  if (!read) return std::move(read).error();
  return roots;
}

Status Catalog::PutRoot(std::int64_t id, const RootRecord& root) {
  MutexLock lock(database_->mutex);
  Transaction transaction(*database_);
  Status put = Statement(*database_,
                         "INSERT INTO roots (repository, commit_id, stage) VALUES (?, ?, ?) "
                         "ON CONFLICT (repository, commit_id) DO UPDATE SET stage = max(stage, "
                         "excluded.stage)")
                   .Bind(id)
                   .Bind(root.commit.Hex())
                   .Bind(static_cast<std::int64_t>(root.stage))
                   .Run();
  if (!put) return put;
  Status revised = Statement(*database_, "UPDATE repositories SET " + std::string(kNextRevision) +
                                             " WHERE id = ?")
                       .Bind(id)
                       .Run();
  if (!revised) return revised;
  return transaction.Commit();
}

Result<bool> Catalog::IsChangedByOthers(std::int64_t id, std::int64_t job) const {
  MutexLock lock(database_->mutex);
  Statement select(*database_,
                   "SELECT EXISTS (SELECT 1 FROM jobs WHERE repository = ? AND id <> ? AND state = "
                   "'running' AND kind IN ('clone', 'fetch', 'hydrate', 'history', 'maintain'))");
  auto row = select.Bind(id).Bind(job).Step();
  if (!row) return std::move(row).error();
  return select.Int(0) != 0;
}

Status Catalog::Evict(std::int64_t id, const EvictionRecord& eviction) {
  MutexLock lock(database_->mutex);
  Transaction transaction(*database_);
  Status absent = Statement(*database_, "UPDATE repositories SET stage = 0, size_bytes = 0, " +
                                            std::string(kNextRevision) + " WHERE id = ?")
                      .Bind(id)
                      .Run();
  if (!absent) return absent;
  for (const char* sql : {"DELETE FROM roots WHERE repository = ?",
                          "DELETE FROM jobs WHERE repository = ? AND state = 'queued'"}) {
    if (auto deleted = Statement(*database_, sql).Bind(id).Run(); !deleted) return deleted;
  }
  Status recorded = Statement(*database_,
                              "INSERT INTO evictions (at, key, reason, size_bytes, for_key) VALUES "
                              "(?, ?, ?, ?, ?)")
                        .Bind(ToMs(eviction.at))
                        .Bind(eviction.key)
                        .Bind(eviction.reason)
                        .Bind(static_cast<std::int64_t>(eviction.size_bytes))
                        .Bind(eviction.for_key)
                        .Run();
  if (!recorded) return recorded;
  Status trimmed = Statement(*database_,
                             "DELETE FROM evictions WHERE rowid <= (SELECT max(rowid) FROM "
                             "evictions) - ?")
                       .Bind(kEvictionCountMax)
                       .Run();
  if (!trimmed) return trimmed;
  return transaction.Commit();
}

Result<std::vector<EvictionRecord>> Catalog::Evictions(std::string_view key, int count_max) const {
  MutexLock lock(database_->mutex);
  Statement statement(*database_,
                      "SELECT at, key, reason, size_bytes, for_key FROM evictions WHERE ?1 = '' OR "
                      "key = ?1 ORDER BY rowid DESC LIMIT ?2");
  statement.Bind(key).Bind(std::int64_t{count_max});
  std::vector<EvictionRecord> evictions;
  auto read = statement.ForEachRow([&] {
    evictions.push_back(
        EvictionRecord{FromMs(statement.Int(0)), statement.Text(1), statement.Text(2),
                       static_cast<std::uint64_t>(statement.Int(3)), statement.Text(4)});
  });
  if (!read) return std::move(read).error();
  return evictions;
}

Status Catalog::HoldHost(const HeldHost& host) {
  MutexLock lock(database_->mutex);
  return Statement(
             *database_,
             "INSERT INTO hosts (name, held_until, cause) VALUES (?, ?, ?) ON CONFLICT (name) "
             "DO UPDATE SET held_until = excluded.held_until, cause = excluded.cause WHERE "
             "excluded.held_until > held_until")
      .Bind(host.name)
      .Bind(ToMs(host.until))
      .Bind(host.cause)
      .Run();
}

Result<std::vector<HeldHost>> Catalog::HeldHosts(WallTime now) const {
  MutexLock lock(database_->mutex);
  Statement select(*database_, "SELECT name, held_until, cause FROM hosts WHERE held_until > ?");
  select.Bind(ToMs(now));
  std::vector<HeldHost> hosts;
  auto read = select.ForEachRow([&] {
    hosts.push_back(HeldHost{select.Text(0), FromMs(select.Int(1)), select.Text(2)});
  });
  if (!read) return std::move(read).error();
  return hosts;
}

}  // namespace reposfs
