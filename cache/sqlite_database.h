// SQLite, owned and with our errors, for the catalog, the job queue and the insights.
//
// Thread-safety: a SqliteDatabase may be shared by threads; whoever uses it holds its mutex from
// making a Statement until the statement is destroyed, or for a whole Transaction.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace reposfs {

class SqliteDatabase {
 public:
  // Opens `path` in WAL mode, creating it if need be.  Another process may use it at the same time:
  // whoever finds it locked waits for 10 s.
  static Result<std::shared_ptr<SqliteDatabase>> Open(const std::filesystem::path& path);

  Status Execute(const char* sql) REPOSFS_REQUIRES(mutex);

  // A number for the program, kept in the file; 0 in a new one.
  Result<std::int64_t> UserVersion() REPOSFS_REQUIRES(mutex);
  Status SetUserVersion(std::int64_t version) REPOSFS_REQUIRES(mutex);

  Mutex mutex;  // A leaf lock, and the only one that is held during disk I/O: that of SQLite.

 private:
  friend class Statement;
  struct Closer {
    void operator()(sqlite3* database) const noexcept;
  };
  explicit SqliteDatabase(sqlite3* raw) : raw_(raw) {}

  std::unique_ptr<sqlite3, Closer> raw_;
};

using SqliteDatabasePtr = std::shared_ptr<SqliteDatabase>;

// One statement: bind the parameters in their order, then step; after Reset() once more.
class Statement {
 public:
  Statement(SqliteDatabase& database, std::string_view sql) REPOSFS_REQUIRES(database.mutex);

  Statement& Bind(std::int64_t value);
  Statement& Bind(std::string_view value);
  // NULL if it is not set.
  template <typename T>
  Statement& Bind(const std::optional<T>& value) {
    if (value) return Bind(*value);
    ++next_parameter_;
    return *this;
  }
  Statement& BindBlob(std::string_view bytes);

  // True: a row is there to be read.
  Result<bool> Step();
  // Steps to the end, and has `visit` read the columns of each row.
  template <typename Visit>
  Status ForEachRow(Visit visit) {
    while (true) {
      auto row = Step();
      if (!row) return std::move(row).error();
      if (!*row) return {};
      visit();
    }
  }
  // Steps to the end, ignoring rows.
  Status Run() {
    return ForEachRow([] {});
  }
  // Ready to be bound and stepped from the beginning.
  void Reset();

  std::int64_t Int(int column) const;
  std::string Text(int column) const;  // Of a blob, too.

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };

  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
  int next_parameter_ = 1;
};

// Rolled back by the destructor unless committed.
class Transaction {
 public:
  explicit Transaction(SqliteDatabase& database) REPOSFS_REQUIRES(database.mutex);
  ~Transaction() REPOSFS_UNCHECKED;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Whether it has begun: what is done in one that has not is not part of any.
  const Status& begun() const { return begun_; }
  Status Commit() REPOSFS_UNCHECKED;  // Whoever made the transaction holds the mutex.

 private:
  SqliteDatabase& database_;
  Status begun_;
  bool open_;
};

}  // namespace reposfs
