// Locks that hold between processes, and between machines: of the cluster, of a repository, of a
// ref, of an object.
//
// The life of a lock, as its own process sees it:
//
//             Acquire()               its turn has come                ~Lock
//     (none) ----------> waiting ---------------------------> held -----------> (none)
//                        |  ^  |                                |
//       deadline, error, |  |  | lapsed                         | lapsed, or the
//       Stop()           |  +--+ (at the end of the queue)      | coordinator says so
//                        v                                      v     ~Lock
//                      (none)                                  lost -----------> (none)
//
// A lock is leased.  A thread of the service renews the leases of all, held or waited for; a
// process that dies, hangs or can't reach the coordinator loses its locks when their leases lapse.
// It finds out by its own clock, earlier than anybody else can be given the lock: so Check() before
// each step that only a holder may take.  Between the check and the step any time can pass.  What
// must never be done by two is told the fencing token, and refuses one lower than it has seen.
//
// Waiters are served in their order.  A shared lock waits for earlier exclusive ones only, and an
// exclusive one for all earlier ones, so that neither starves.  A lock is not recursive: whoever
// holds it and asks again waits for itself.
//
// Thread-safety: every method of LockService may be called from any thread.  A Lock belongs to one
// thread at a time, but still_held() and Check() may be called from any.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/deadline.h"
#include "base/lock_backend.h"
#include "base/lock_lease.h"
#include "base/mutex.h"
#include "base/result.h"

namespace reposfs {

class LockService;

// Holds a lock until it is destroyed, or lost.  Must not outlive its service.
class Lock {
 public:
  // Gives the lock back, and blocks on the coordinator for 2 s at most, after a renewal that is
  // under way; if that fails, the lease ends it.  Afterwards no callback of OnLoss() runs.
  ~Lock();
  Lock(Lock&& other) noexcept = default;
  Lock& operator=(Lock&&) = delete;

  const LockName& name() const { return lease_->name(); }
  // Higher than that of any holder of this lock before, but for those that share it with this one.
  std::int64_t fencing_token() const { return lease_->ticket().token; }

  // Does not block.  Once false, it stays false.
  bool still_held() const { return lease_->Valid(); }
  // Errors: kInterrupted if it is lost.
  Status Check() const;

  // `callback` is called once, soon after the loss: by the service's thread, or at once if that has
  // happened.  It must neither block nor destroy the lock.
  void OnLoss(std::function<void()> callback);

 private:
  friend class LockService;
  Lock(LockService& service, std::shared_ptr<LockLease> lease)
      : service_(&service), lease_(std::move(lease)) {}

  LockService* service_;
  std::shared_ptr<LockLease> lease_;  // Null after a move.
};

class LockService {
 public:
  // `lease` is what `backend` gives its tickets.
  LockService(std::unique_ptr<LockBackend> backend, std::chrono::milliseconds lease);
  // REQUIRES: no Lock of it is left, and nobody waits for one.
  ~LockService();
  LockService(const LockService&) = delete;
  LockService& operator=(const LockService&) = delete;

  // Waits for the lock until `deadline`.
  //
  // Errors: kTimedOut if others have it all the time; kUnreachable if the coordinator can't be
  // asked; kInterrupted after Stop(); kInvalidArgument for a name that is empty or longer than
  // 1,024 bytes; kNoSpace if this process has or waits for 1,000 locks already.
  Result<Lock> Acquire(const LockName& name, LockMode mode, Deadline deadline)
      REPOSFS_EXCLUDES(mutex_);

  // Who holds what, and who waits, in all processes.
  // Errors: kUnreachable, kInterrupted.
  Result<std::vector<LockRecord>> List(Deadline deadline) { return backend_->List(deadline); }

  // Whoever waits stops waiting, and every later Acquire() fails.  What is held stays held.
  void Stop() { backend_->Stop(); }

 private:
  friend class Lock;
  using LeasePtr = std::shared_ptr<LockLease>;
  using BootTime = BootClock::time_point;

  struct Entry {
    LeasePtr lease;
    BootTime renew_at;
  };

  Status Register(const LeasePtr& lease) REPOSFS_EXCLUDES(mutex_);
  // False: the ticket is lost.
  Result<bool> AwaitTurn(LockLease& lease, Deadline deadline);
  // Nobody renews it any more, nor calls back; only then it is given back.
  void Drop(const LeasePtr& lease) REPOSFS_EXCLUDES(mutex_);

  void Keep() REPOSFS_EXCLUDES(mutex_);
  // Whose lease must be seen to first, and when; null if nobody's.
  LeasePtr NextLocked(BootTime& due) const REPOSFS_REQUIRES(mutex_);
  void Renew(const LeasePtr& lease) REPOSFS_EXCLUDES(mutex_);

  const std::unique_ptr<LockBackend> backend_;
  const std::chrono::milliseconds lease_;

  Mutex mutex_;  // Before LockLease::mutex_.
  CondVar changed_;
  CondVar seen_to_;
  bool ending_ REPOSFS_GUARDED_BY(mutex_) = false;
  std::vector<Entry> entries_ REPOSFS_GUARDED_BY(mutex_);
  // Whose lease is being renewed, or whose callback runs.
  const LockLease* seeing_to_ REPOSFS_GUARDED_BY(mutex_) = nullptr;
  std::thread keeper_;
};

}  // namespace reposfs
