#include "base/lock_lease.h"

#include <algorithm>
#include <utility>

namespace reposfs {

LockLease::LockLease(LockName name, LockTicket ticket, std::chrono::milliseconds margin)
    : name_(std::move(name)),
      ticket_(std::move(ticket)),
      margin_(margin),
      valid_until_(ticket_.lease_end - margin) {}

bool LockLease::ValidLocked() {
  // Whoever finds it lapsed decides it for everybody: nobody is told otherwise later.
  lost_ |= BootClock::now() >= valid_until_;
  return !lost_;
}

bool LockLease::Valid() {
  MutexLock lock(mutex_);
  return ValidLocked();
}

LockLease::BootTime LockLease::valid_until() const {
  MutexLock lock(mutex_);
  return valid_until_;
}

void LockLease::Extend(BootTime lease_end) {
  MutexLock lock(mutex_);
  if (ValidLocked()) valid_until_ = std::max(valid_until_, lease_end - margin_);
}

void LockLease::MarkLost() {
  MutexLock lock(mutex_);
  lost_ = true;
}

std::function<void()> LockLease::SetCallback(std::function<void()> callback) {
  MutexLock lock(mutex_);
  if (told_) return callback;
  callback_ = std::move(callback);
  return nullptr;
}

std::function<void()> LockLease::TakeCallback() {
  MutexLock lock(mutex_);
  if (!lost_) return nullptr;
  told_ = true;
  return std::exchange(callback_, nullptr);
}

bool LockLease::told() const {
  MutexLock lock(mutex_);
  return told_;
}

}  // namespace reposfs
