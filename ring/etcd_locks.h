// The locks of a cluster, in etcd.
//
// A ticket is a key `<prefix>/locks/<scope>/<name>/<lease>`, percent-encoded, on a lease of its
// own. The revision of etcd's store at which the key was made is its token and its place in the
// queue: it grows with every change of anything.  (It goes back only when etcd is restored from a
// backup.)  Who waits watches the last ticket before it that stands in its way, so that a release
// wakes one waiter, not all.
//
// A call that failed may be carried out later by a server that hung.  As each ticket has a lease of
// its own, which nobody renews after a failure and which is not given twice, such a ticket stands
// in the way for the length of a lease at most.
//
// To renew is to move the ticket to a new lease.  Keeping one alive is not safe with older etcd
// (that of Debian 12 is 3.4.23): a leader that hung revokes, when it comes back, what was kept
// alive by the one that followed it.  It knows nothing of leases that were granted since.
//
// Thread-safety and errors: those of LockBackend.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/lock_backend.h"
#include "base/lock_service.h"
#include "base/mutex.h"
#include "ring/etcd_client.h"

namespace reposfs {

struct EtcdLockOptions {
  EtcdOptions etcd;
  std::string prefix = "/reposfs";
  // etcd gives more if its elections are slow.
  std::chrono::seconds lease{10};
};

std::unique_ptr<LockService> OpenEtcdLocks(const EtcdLockOptions& options);

class EtcdLocks final : public LockBackend {
 public:
  explicit EtcdLocks(const EtcdLockOptions& options);

  Result<LockTicket> Enqueue(const LockName& name, LockMode mode, Deadline deadline) override;
  Result<bool> AwaitTurn(const LockTicket& ticket, Deadline deadline) override;
  Result<BootClock::time_point> Renew(const LockTicket& ticket, Deadline deadline) override
      REPOSFS_EXCLUDES(mutex_);
  Status Release(const LockTicket& ticket, Deadline deadline) override REPOSFS_EXCLUDES(mutex_);
  Result<std::vector<LockRecord>> List(Deadline deadline) override;
  void Stop() override { waiting_.Stop(); }

 private:
  // The lease that the ticket is on, or may be on; 0 if it was never moved.
  std::int64_t MovedTo(const LockTicket& ticket) const REPOSFS_EXCLUDES(mutex_);

  // The last ticket that `ticket` must wait for, as the store is at `revision`.
  struct Blocker {
    std::string key;
    std::int64_t revision = 0;
  };

  Result<LockTicket> PutTicket(const std::string& directory, const std::string& value,
                               const EtcdLease& lease, Deadline deadline);
  // Errors: kNotFound if the ticket is gone.
  Result<std::optional<Blocker>> FindBlocker(const LockTicket& ticket, Deadline deadline);
  // For whoever reads the list; that it fails changes nothing.
  void NoteTurn(const LockTicket& ticket, const EtcdKeyValue& mine);

  const std::string prefix_;  // Of all tickets; ends in '/'.
  const std::chrono::seconds lease_;
  const std::string owner_;
  EtcdClient waiting_;  // What Stop() ends.
  EtcdClient keeping_;  // Renewals and releases.

  mutable Mutex mutex_;  // A leaf lock.
  // The last lease of each ticket that was moved, by its id.
  std::unordered_map<std::string, std::int64_t> moved_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
