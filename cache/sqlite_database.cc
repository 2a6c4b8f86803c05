#include "cache/sqlite_database.h"

#include <sqlite3.h>

namespace reposfs {
namespace {

Error SqliteError(sqlite3* database, std::string_view what) {
  const int code = sqlite3_errcode(database);
  const Errc errc = code == SQLITE_FULL                               ? Errc::kNoSpace
                    : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? Errc::kCorrupt
                    : code == SQLITE_BUSY                             ? Errc::kTimedOut
                                                                      : Errc::kIo;
  return Error{errc, "database: " + std::string(what) + ": " + sqlite3_errmsg(database)};
}

}  // namespace

void SqliteDatabase::Closer::operator()(sqlite3* database) const noexcept {
  sqlite3_close_v2(database);
}

Result<std::shared_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::filesystem::path& path) {
  sqlite3* raw = nullptr;
  const int rc =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  const std::shared_ptr<SqliteDatabase> database(new SqliteDatabase(raw));
  if (rc != SQLITE_OK) return SqliteError(raw, "open " + path.string());
  sqlite3_busy_timeout(raw, 10'000);
  MutexLock lock(database->mutex);
  if (auto set = database->Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
      !set) {
    return std::move(set).error().Within(path.string());
  }
  return database;
}

Status SqliteDatabase::Execute(const char* sql) {
  if (sqlite3_exec(raw_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return SqliteError(raw_.get(), sql);
  }
  return {};
}

Result<std::int64_t> SqliteDatabase::UserVersion() {
  Statement statement(*this, "PRAGMA user_version");
  auto row = statement.Step();
  if (!row) return std::move(row).error();
  return statement.Int(0);
}

Status SqliteDatabase::SetUserVersion(std::int64_t version) {
  const std::string set = "PRAGMA user_version = " + std::to_string(version);
  return Execute(set.c_str());
}

Statement::Statement(SqliteDatabase& database, std::string_view sql)
    : database_(database.raw_.get()) {
  sqlite3_stmt* raw = nullptr;
  sqlite3_prepare_v2(database_, sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
  statement_.reset(raw);
}

void Statement::Finalizer::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Statement& Statement::Bind(std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), next_parameter_++, value);
  return *this;
}

Statement& Statement::Bind(std::string_view value) {
  sqlite3_bind_text(statement_.get(), next_parameter_++, value.data(),
                    static_cast<int>(value.size()), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::BindBlob(std::string_view bytes) {
  sqlite3_bind_blob(statement_.get(), next_parameter_++, bytes.data(),
                    static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
  return *this;
}

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  next_parameter_ = 1;
}

Result<bool> Statement::Step() {
  if (!statement_) return SqliteError(database_, "prepare");
  const int rc = sqlite3_step(statement_.get());
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  return SqliteError(database_, sqlite3_sql(statement_.get()));
}

std::int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::Text(int column) const {
  const auto* text = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return text == nullptr ? std::string() : std::string(text, static_cast<std::size_t>(size));
}

Transaction::Transaction(SqliteDatabase& database)
    : database_(database), begun_(database.Execute("BEGIN IMMEDIATE")), open_(bool(begun_)) {}

Transaction::~Transaction() {
  if (!open_) return;
  // Nothing can be done about a failure here; SQLite rolls back by itself when it closes.
  static_cast<void>(database_.Execute("ROLLBACK"));
}

Status Transaction::Commit() {
  if (!begun_) return begun_;
  Status committed = database_.Execute("COMMIT");
  if (committed) open_ = false;
  return committed;
}

}  // namespace reposfs
