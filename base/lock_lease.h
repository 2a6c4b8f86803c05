// The lease of one ticket, as its own process counts it.
//
// What is lost stays lost: a renewal that succeeds too late does not bring it back.
//
// Thread-safety: every method may be called from any thread; none blocks.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "base/boot_clock.h"
#include "base/lock_backend.h"
#include "base/mutex.h"
#include "base/result.h"

namespace reposfs {

class LockLease {
 public:
  using BootTime = BootClock::time_point;

  // It counts as over `margin` before the coordinator may give the lock away.
  LockLease(LockName name, LockTicket ticket, std::chrono::milliseconds margin);

  const LockName& name() const { return name_; }
  const LockTicket& ticket() const { return ticket_; }

  // Whether it is not lost.
  bool Valid() REPOSFS_EXCLUDES(mutex_);
  // When it will be, if it is not renewed.
  BootTime valid_until() const REPOSFS_EXCLUDES(mutex_);

  // The coordinator counts it to `lease_end` now.
  void Extend(BootTime lease_end) REPOSFS_EXCLUDES(mutex_);
  void MarkLost() REPOSFS_EXCLUDES(mutex_);

  // `callback` is given back by TakeCallback() when the lease is lost; to whoever sets it after
  // that, at once.
  std::function<void()> SetCallback(std::function<void()> callback) REPOSFS_EXCLUDES(mutex_);
  // What is to be called now, if it is lost; nothing the second time.
  std::function<void()> TakeCallback() REPOSFS_EXCLUDES(mutex_);
  // Whether TakeCallback() has been called on a lost lease.
  bool told() const REPOSFS_EXCLUDES(mutex_);

 private:
  bool ValidLocked() REPOSFS_REQUIRES(mutex_);

  const LockName name_;
  const LockTicket ticket_;
  const std::chrono::milliseconds margin_;

  mutable Mutex mutex_;  // A leaf lock.
  bool lost_ REPOSFS_GUARDED_BY(mutex_) = false;
  BootTime valid_until_ REPOSFS_GUARDED_BY(mutex_);
  std::function<void()> callback_ REPOSFS_GUARDED_BY(mutex_);
  bool told_ REPOSFS_GUARDED_BY(mutex_) = false;
};

}  // namespace reposfs
