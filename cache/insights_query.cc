#include "cache/insights_query.h"

#include <sqlite3.h>

#include <memory>
#include <utility>

#include "base/text.h"

namespace reposfs {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr int kStepsBetweenLooks = 10'000;
constexpr int kBusyTimeoutMs = 10'000;
constexpr int kValueMaxBytes = 64 << 20;

struct Closer {
  void operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, Closer>;
using Prepared = std::unique_ptr<sqlite3_stmt, Closer>;

// `rc` is what SQLite has just returned.
Error QueryError(sqlite3* database, int rc) {
  const int code = rc & 0xff;
  if (code == SQLITE_INTERRUPT) {
    return Error{Errc::kTimedOut, "the question takes too long; ask for less"};
  }
  if (code == SQLITE_AUTH || code == SQLITE_READONLY) {
    return Error{Errc::kInvalidArgument, "only SELECT is allowed; the database is read-only"};
  }
  if (code == SQLITE_TOOBIG) return Error{Errc::kNoSpace, "SQL: a value is too large"};
  // What is not the disk's fault is the statement's.
  const bool disk = code == SQLITE_IOERR || code == SQLITE_CORRUPT || code == SQLITE_NOTADB ||
                    code == SQLITE_BUSY || code == SQLITE_CANTOPEN || code == SQLITE_NOMEM;
  const Errc errc = disk ? Errc::kIo : Errc::kInvalidArgument;
  return Error{errc, "SQL: " + Printable(sqlite3_errmsg(database))};
}

Result<Database> OpenToRead(const std::filesystem::path& cache_directory) {
  const std::filesystem::path path = cache_directory / InsightsStore::kFileName;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return Error{Errc::kNotFound,
                 "no insights in cache " + cache_directory.string() +
                     " yet; they are computed when a repository's history is here"};
  }
  sqlite3* raw = nullptr;
  const int rc = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  Database database(raw);
  if (rc != SQLITE_OK) return QueryError(raw, rc);
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, kValueMaxBytes);
  return database;
}

Result<Prepared> Prepare(sqlite3* database, std::string_view sql, std::string_view* rest) {
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  const int rc =
      sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &raw, &tail);
  Prepared statement(raw);
  if (rc != SQLITE_OK) return QueryError(database, rc);
  if (rest != nullptr) *rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
  return statement;
}

// The id of the repository `key`.
Result<std::int64_t> IdOf(sqlite3* database, const std::string& key) {
  auto statement = Prepare(database, "SELECT id FROM repositories WHERE repository = ?", nullptr);
  if (!statement) return std::move(statement).error();
  sqlite3_bind_text(statement->get(), 1, key.data(), static_cast<int>(key.size()),
                    SQLITE_TRANSIENT);
  const int rc = sqlite3_step(statement->get());
  if (rc == SQLITE_ROW) return sqlite3_column_int64(statement->get(), 0);
  if (rc != SQLITE_DONE) return QueryError(database, rc);
  return Error{Errc::kNotFound, "nothing is known of " + Printable(key) +
                                    " yet; to fetch it: reposfs warm " + Printable(key) +
                                    " --stage complete"};
}

Status HideOthers(sqlite3* database, std::int64_t id) {
  const std::string only = std::to_string(id);
  std::string sql =
      "CREATE TEMP VIEW repositories AS SELECT * FROM main.repositories WHERE id = " + only + ";";
  for (const char* name : {"authors", "commits", "changes"}) {
    sql += std::string("CREATE TEMP VIEW ") + name + " AS SELECT * FROM main." + name +
           " WHERE repository_id = " + only + ";";
  }
  const int rc = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return QueryError(database, rc);
  return {};
}

int AllowOnlyReading(void*, int action, const char*, const char*, const char*,
                     const char*) noexcept {
  const bool reads = action == SQLITE_SELECT || action == SQLITE_READ ||
                     action == SQLITE_FUNCTION || action == SQLITE_RECURSIVE;
  return reads ? SQLITE_OK : SQLITE_DENY;
}

int IsLate(void* deadline) noexcept {
  return std::chrono::steady_clock::now() > *static_cast<const SteadyTime*>(deadline) ? 1 : 0;
}

QueryCell CellOf(sqlite3_stmt* row, int column) {
  const int type = sqlite3_column_type(row, column);
  if (type == SQLITE_NULL) return {};
  QueryCell cell;
  cell.type = type == SQLITE_INTEGER ? QueryCell::Type::kInteger
              : type == SQLITE_FLOAT ? QueryCell::Type::kReal
                                     : QueryCell::Type::kText;
  const auto* bytes = type == SQLITE_BLOB
                          ? static_cast<const char*>(sqlite3_column_blob(row, column))
                          : reinterpret_cast<const char*>(sqlite3_column_text(row, column));
  if (bytes != nullptr) {
    cell.text.assign(bytes, static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
  }
  return cell;
}

Result<QueryAnswer> Run(sqlite3* database, sqlite3_stmt* statement, const QueryLimits& limits) {
  QueryAnswer answer;
  const int column_count = sqlite3_column_count(statement);
  for (int i = 0; i < column_count; ++i) {
    answer.columns.emplace_back(sqlite3_column_name(statement, i));
  }
  std::size_t size_bytes = 0;
  while (true) {
    const int rc = sqlite3_step(statement);
    if (rc == SQLITE_DONE) return answer;
    if (rc != SQLITE_ROW) return QueryError(database, rc);
    std::vector<QueryCell> row;
    for (int i = 0; i < column_count; ++i) {
      row.push_back(CellOf(statement, i));
      size_bytes += row.back().text.size() + sizeof(QueryCell);
    }
    if (answer.rows.size() >= limits.row_count_max || size_bytes > limits.size_max_bytes) {
      return Error{Errc::kNoSpace, "the answer is larger than " +
                                       std::to_string(limits.row_count_max) +
                                       " rows or half a gigabyte; add a LIMIT"};
    }
    answer.rows.push_back(std::move(row));
  }
}

}  // namespace

Result<QueryAnswer> QueryInsights(const std::filesystem::path& cache_directory,
                                  const std::string& key, const std::string& sql,
                                  const QueryLimits& limits) {
  auto database = OpenToRead(cache_directory);
  if (!database) return std::move(database).error();
  sqlite3* raw = database->get();
  if (!key.empty()) {
    auto id = IdOf(raw, key);
    if (!id) return std::move(id).error();
    if (auto hidden = HideOthers(raw, *id); !hidden) return std::move(hidden).error();
  }
  sqlite3_set_authorizer(raw, &AllowOnlyReading, nullptr);
  SteadyTime deadline = std::chrono::steady_clock::now() + limits.timeout;
  sqlite3_progress_handler(raw, kStepsBetweenLooks, &IsLate, &deadline);
  std::string_view rest;
  auto statement = Prepare(raw, sql, &rest);
  if (!statement) return std::move(statement).error();
  const bool one = *statement && rest.find_first_not_of(" \t\r\n;") == std::string_view::npos;
  if (!one) return Error{Errc::kInvalidArgument, "SQL: write one statement"};
  return Run(raw, statement->get(), limits);
}

Result<InsightsDocument> ReadInsights(const std::filesystem::path& cache_directory,
                                      const std::string& key) {
  auto database = OpenToRead(cache_directory);
  if (!database) return std::move(database).error();
  auto id = IdOf(database->get(), key);
  if (!id) return std::move(id).error();
  auto statement = Prepare(database->get(),
                           "SELECT d.complete, d.computed_at, d.json, d.html FROM document_rows d "
                           "JOIN repository_rows r ON r.id = d.repository_id WHERE r.id = ? "
                           "ORDER BY d.oid = r.head DESC, d.id DESC LIMIT 1",
                           nullptr);
  if (!statement) return std::move(statement).error();
  sqlite3_bind_int64(statement->get(), 1, *id);
  const int rc = sqlite3_step(statement->get());
  if (rc == SQLITE_DONE) {
    return Error{Errc::kNotFound, "the insights of " + key + " are being computed; ask again soon"};
  }
  if (rc != SQLITE_ROW) return QueryError(database->get(), rc);
  sqlite3_stmt* row = statement->get();
  const std::chrono::milliseconds computed_at(sqlite3_column_int64(row, 1));
  return InsightsDocument{sqlite3_column_int(row, 0) != 0, WallTime(computed_at),
                          CellOf(row, 2).text, CellOf(row, 3).text};
}

}  // namespace reposfs
