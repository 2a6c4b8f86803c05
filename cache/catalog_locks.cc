#include "cache/catalog_locks.h"

#include <algorithm>
#include <utility>

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using BootTime = BootClock::time_point;

constexpr milliseconds kFirstPause{1};
constexpr milliseconds kLongestPause{20};

// Not part of the catalog's versions: reposfs of another version that shares the directory, or
// opened it before, has to find the same queue.
constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS locks ("
    "  token INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  scope TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  mode TEXT NOT NULL,"
    "  owner TEXT NOT NULL,"
    "  lease_until INTEGER NOT NULL,"  // In milliseconds since the machine was started.
    "  asked_at INTEGER NOT NULL,"
    "  held_since INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX IF NOT EXISTS locks_by_name ON locks (scope, name, token);"
    "CREATE TABLE IF NOT EXISTS lock_boot (one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT);";

constexpr std::int64_t kTokensPerBoot = std::int64_t{1} << 32;

std::int64_t ToMs(BootTime time) {
  return std::chrono::floor<milliseconds>(time.time_since_epoch()).count();
}

std::int64_t NowMs() {
  return ToMs(BootClock::now());
}

std::int64_t WallMs() {
  return SystemClock().Now().time_since_epoch().count();
}

WallTime WallOf(std::int64_t ms) {
  return WallTime(milliseconds(ms));
}

Error Gone() {
  return Error{Errc::kNotFound, "the ticket is gone: its lease lapsed"};
}

Result<bool> IsOfThisBoot(SqliteDatabase& database, const std::string& boot)
    REPOSFS_REQUIRES(database.mutex) {
  Statement select(database, "SELECT 1 FROM lock_boot WHERE boot = ?");
  return select.Bind(boot).Step();
}

// Nobody who was before the machine was started is still there, and what he was given may not have
// reached the disk.
Status BeginBoot(SqliteDatabase& database, const std::string& boot)
    REPOSFS_REQUIRES(database.mutex) {
  Transaction transaction(database);
  if (!transaction.begun()) return transaction.begun();
  // Another process may have been faster.
  auto done = IsOfThisBoot(database, boot);
  if (!done) return std::move(done).error();
  if (*done) return {};
  if (auto cleared = database.Execute(
          "DELETE FROM locks;"
          "INSERT INTO sqlite_sequence (name, seq) SELECT 'locks', 0 WHERE NOT EXISTS "
          "(SELECT 1 FROM sqlite_sequence WHERE name = 'locks');");
      !cleared) {
    return cleared;
  }
  Statement raise(database, "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'locks'");
  if (auto raised = raise.Bind(kTokensPerBoot).Run(); !raised) return raised;
  Statement note(database, "INSERT OR REPLACE INTO lock_boot (one, boot) VALUES (1, ?)");
  if (auto noted = note.Bind(boot).Run(); !noted) return noted;
  return transaction.Commit();
}

Status Prepare(SqliteDatabase& database) REPOSFS_REQUIRES(database.mutex) {
  const std::string boot = BootId();
  if (auto made = database.Execute(kSchema); !made) return made;
  auto done = IsOfThisBoot(database, boot);
  if (!done) return std::move(done).error();
  if (*done) return {};
  // What is given from now on counts on it: it must survive the loss of power.
  if (auto set = database.Execute("PRAGMA synchronous = FULL"); !set) return set;
  if (auto begun = BeginBoot(database, boot); !begun) return begun;
  return database.Execute("PRAGMA synchronous = NORMAL");
}

Result<SqliteDatabasePtr> Connect(const std::filesystem::path& catalog) {
  auto database = SqliteDatabase::Open(catalog);
  if (!database) return database;
  MutexLock lock((*database)->mutex);
  if (auto prepared = Prepare(**database); !prepared) return std::move(prepared).error();
  // From here on deadlines are kept by whoever calls.
  if (auto set = (*database)->Execute("PRAGMA busy_timeout = 50"); !set) {
    return std::move(set).error();
  }
  return database;
}

}  // namespace

Result<std::unique_ptr<LockService>> OpenCatalogLocks(const std::filesystem::path& catalog,
                                                      milliseconds lease) {
  auto backend = CatalogLocks::Open(catalog, lease);
  if (!backend) return std::move(backend).error();
  return std::make_unique<LockService>(std::move(*backend), lease);
}

Result<std::unique_ptr<CatalogLocks>> CatalogLocks::Open(const std::filesystem::path& catalog,
                                                         milliseconds lease) {
  auto database = Connect(catalog);
  if (!database) return std::move(database).error();
  auto renewing = Connect(catalog);
  if (!renewing) return std::move(renewing).error();
  return std::unique_ptr<CatalogLocks>(
      new CatalogLocks(std::move(*database), std::move(*renewing), lease));
}

CatalogLocks::CatalogLocks(SqliteDatabasePtr database, SqliteDatabasePtr renewing,
                           milliseconds lease)
    : database_(std::move(database)),
      renewing_(std::move(renewing)),
      lease_(lease),
      owner_(LockOwnerName()) {}

Status CatalogLocks::CheckRunning() {
  MutexLock lock(mutex_);
  if (!stopped_) return {};
  return Error{Errc::kInterrupted, "the program is stopping"};
}

template <typename Call>
auto CatalogLocks::WhileBusy(Deadline deadline, Call call) -> decltype(call()) {
  while (true) {
    auto result = call();
    if (result || result.error().code != Errc::kTimedOut) return result;
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error{Errc::kUnreachable,
                   result.error().message + "; does another reposfs on this cache hang?"};
    }
  }
}

Result<LockTicket> CatalogLocks::Enqueue(const LockName& name, LockMode mode, Deadline deadline) {
  if (auto running = CheckRunning(); !running) return std::move(running).error();
  BootTime lease_end{};
  auto token = WhileBusy(deadline, [&] {
    lease_end = BootClock::now() + lease_;
    return Insert(name, mode, lease_end);
  });
  if (!token) return std::move(token).error();
  return LockTicket{std::to_string(*token), *token, lease_end};
}

Result<std::int64_t> CatalogLocks::Insert(const LockName& name, LockMode mode, BootTime lease_end) {
  MutexLock lock(database_->mutex);
  Statement insert(*database_,
                   "INSERT INTO locks (scope, name, mode, owner, lease_until, asked_at) VALUES "
                   "(?, ?, ?, ?, ?, ?) RETURNING token");
  insert.Bind(LockScopeName(name.scope)).Bind(name.name).Bind(LockModeName(mode)).Bind(owner_);
  auto row = insert.Bind(ToMs(lease_end)).Bind(WallMs()).Step();
  if (!row) return std::move(row).error();
  const std::int64_t token = insert.Int(0);
  if (auto ended = insert.Run(); !ended) return std::move(ended).error();
  return token;
}

Result<bool> CatalogLocks::IsNext(std::int64_t token) {
  Statement select(*database_,
                   "SELECT EXISTS (SELECT 1 FROM locks AS earlier WHERE earlier.scope = mine.scope "
                   "AND earlier.name = mine.name AND earlier.token < mine.token AND "
                   "earlier.lease_until > ?1 AND (mine.mode = 'exclusive' OR earlier.mode = "
                   "'exclusive')) FROM locks AS mine WHERE token = ?2 AND lease_until > ?1");
  auto row = select.Bind(NowMs()).Bind(token).Step();
  if (!row) return std::move(row).error();
  if (!*row) return Gone();
  return select.Int(0) == 0;
}

Result<bool> CatalogLocks::TakeTurn(std::int64_t token) {
  MutexLock lock(database_->mutex);
  auto next = IsNext(token);
  if (!next || !*next) return next;
  Transaction transaction(*database_);
  if (!transaction.begun()) return transaction.begun().error();
  Statement remove(*database_, "DELETE FROM locks WHERE lease_until <= ?");
  if (auto removed = remove.Bind(NowMs()).Run(); !removed) return std::move(removed).error();
  next = IsNext(token);
  if (!next || !*next) return next;
  Statement take(*database_, "UPDATE locks SET held_since = ? WHERE token = ?");
  if (auto taken = take.Bind(WallMs()).Bind(token).Run(); !taken) return std::move(taken).error();
  if (auto committed = transaction.Commit(); !committed) return std::move(committed).error();
  return true;
}

Result<bool> CatalogLocks::AwaitTurn(const LockTicket& ticket, Deadline deadline) {
  for (milliseconds pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    if (auto running = CheckRunning(); !running) return std::move(running).error();
    std::uint64_t seen = 0;
    {
      MutexLock lock(mutex_);
      seen = release_count_;
    }
    auto turn = WhileBusy(deadline, [&] { return TakeTurn(ticket.token); });
    if (!turn || *turn) return turn;
    const milliseconds left = TimeLeft(deadline);
    if (left == milliseconds(0)) return false;
    MutexLock lock(mutex_);
    if (!stopped_ && seen == release_count_) changed_.WaitFor(mutex_, std::min(pause, left));
  }
}

Result<BootTime> CatalogLocks::Renew(const LockTicket& ticket, Deadline deadline) {
  return WhileBusy(deadline, [&]() -> Result<BootTime> {
    const BootTime now = BootClock::now();
    MutexLock lock(renewing_->mutex);
    Statement renew(*renewing_,
                    "UPDATE locks SET lease_until = ? WHERE token = ? AND lease_until > ? "
                    "RETURNING token");
    auto row = renew.Bind(ToMs(now + lease_)).Bind(ticket.token).Bind(ToMs(now)).Step();
    if (!row) return std::move(row).error();
    if (!*row) return Gone();
    if (auto ended = renew.Run(); !ended) return std::move(ended).error();
    return now + lease_;
  });
}

Status CatalogLocks::Release(const LockTicket& ticket, Deadline deadline) {
  auto released = WhileBusy(deadline, [&] {
    MutexLock lock(database_->mutex);
    return Statement(*database_, "DELETE FROM locks WHERE token = ?").Bind(ticket.token).Run();
  });
  MutexLock lock(mutex_);
  ++release_count_;
  changed_.NotifyAll();
  return released;
}

Result<std::vector<LockRecord>> CatalogLocks::List(Deadline deadline) {
  if (auto running = CheckRunning(); !running) return std::move(running).error();
  return WhileBusy(deadline, [&] { return Rows(); });
}

Result<std::vector<LockRecord>> CatalogLocks::Rows() {
  const std::int64_t now = NowMs();
  MutexLock lock(database_->mutex);
  Statement select(*database_,
                   "SELECT scope, name, mode, token, owner, asked_at, held_since, lease_until FROM "
                   "locks WHERE lease_until > ? ORDER BY token LIMIT ?");
  select.Bind(now).Bind(std::int64_t{kLockRecordCountMax});
  std::vector<LockRecord> records;
  auto read = select.ForEachRow([&] {
    const auto scope = ParseLockScope(select.Text(0));
    const auto mode = ParseLockMode(select.Text(2));
    if (!scope || !mode) return;  // A newer reposfs has written it.
    LockRecord record;
    record.name = {*scope, select.Text(1)};
    record.mode = *mode;
    record.token = select.Int(3);
    record.owner = select.Text(4);
    record.asked_at = WallOf(select.Int(5));
    if (const std::int64_t since = select.Int(6); since != 0) record.held_since = WallOf(since);
    record.lease_left = milliseconds(select.Int(7) - now);
    records.push_back(std::move(record));
  });
  if (!read) return std::move(read).error();
  MarkHolders(records);
  return records;
}

void CatalogLocks::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  changed_.NotifyAll();
}

}  // namespace reposfs
