// The locks of the processes that share one cache directory, in the catalog.
//
// The table `locks` has a row for each ticket.  Its key is the token: SQLite never gives a key of
// such a table twice, whatever was deleted.  A machine that lost power may have lost the last rows,
// so after each start of the machine the keys go on 2^32 higher, and that is on the disk before the
// first is given.  Leases are counted by the clock that all processes of a machine share.
//
// A lease that has lapsed is removed by whoever comes next, in the transaction that gives him the
// lock, so that its owner can't renew it any more.
//
// Thread-safety and errors: those of LockBackend.  Waiting is polling: a process can't be told what
// another one has written; within this one waiters are woken.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/lock_backend.h"
#include "base/lock_service.h"
#include "base/mutex.h"
#include "cache/sqlite_database.h"

namespace reposfs {

inline constexpr std::chrono::milliseconds kCatalogLease = std::chrono::seconds(10);

// Errors: those of SqliteDatabase::Open().
Result<std::unique_ptr<LockService>> OpenCatalogLocks(
    const std::filesystem::path& catalog, std::chrono::milliseconds lease = kCatalogLease);

class CatalogLocks final : public LockBackend {
 public:
  static Result<std::unique_ptr<CatalogLocks>> Open(const std::filesystem::path& catalog,
                                                    std::chrono::milliseconds lease);

  Result<LockTicket> Enqueue(const LockName& name, LockMode mode, Deadline deadline) override;
  Result<bool> AwaitTurn(const LockTicket& ticket, Deadline deadline) override
      REPOSFS_EXCLUDES(mutex_);
  Result<BootClock::time_point> Renew(const LockTicket& ticket, Deadline deadline) override;
  Status Release(const LockTicket& ticket, Deadline deadline) override REPOSFS_EXCLUDES(mutex_);
  Result<std::vector<LockRecord>> List(Deadline deadline) override;
  void Stop() override REPOSFS_EXCLUDES(mutex_);

 private:
  CatalogLocks(SqliteDatabasePtr database, SqliteDatabasePtr renewing,
               std::chrono::milliseconds lease);

  Result<std::int64_t> Insert(const LockName& name, LockMode mode, BootClock::time_point lease_end);
  // Whether nobody is before it.
  Result<bool> IsNext(std::int64_t token) REPOSFS_REQUIRES(database_->mutex);
  Result<bool> TakeTurn(std::int64_t token);
  Result<std::vector<LockRecord>> Rows();
  // Repeats what fails because another process writes; that lasts microseconds, unless it hangs.
  template <typename Call>
  auto WhileBusy(Deadline deadline, Call call) -> decltype(call());
  Status CheckRunning() REPOSFS_EXCLUDES(mutex_);

  const SqliteDatabasePtr database_;
  // Renewals don't queue behind waiters.
  const SqliteDatabasePtr renewing_;
  const std::chrono::milliseconds lease_;
  const std::string owner_;

  Mutex mutex_;  // A leaf lock.
  CondVar changed_;
  bool stopped_ REPOSFS_GUARDED_BY(mutex_) = false;
  // How often a ticket of this process was released.
  std::uint64_t release_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
};

}  // namespace reposfs
