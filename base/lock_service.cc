#include "base/lock_service.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/thread_pool.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kNameMaxBytes = 1'024;
constexpr std::size_t kLockCountMax = 1'000;
constexpr milliseconds kReleaseTimeout = seconds(2);
// How long one question for the turn takes at most, so that a lapse is seen while nobody answers.
constexpr milliseconds kTurnTimeout = seconds(2);
// The keeper's clock of waiting stands still while the machine sleeps: it looks up this often.
constexpr milliseconds kLookEvery = seconds(1);

// How much earlier than the coordinator a holder counts its lease as over: clocks run differently
// fast, and between a check and what follows it some time passes.
milliseconds MarginOf(milliseconds lease) {
  return std::clamp<milliseconds>(lease / 5, milliseconds(10), seconds(2));
}

Deadline In(milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

Status CheckName(const LockName& name) {
  if (!name.name.empty() && name.name.size() <= kNameMaxBytes) return {};
  return Error{Errc::kInvalidArgument,
               "the name of a lock has 1 to " + std::to_string(kNameMaxBytes) + " bytes"};
}

}  // namespace

Lock::~Lock() {
  if (lease_) service_->Drop(lease_);
}

Status Lock::Check() const {
  if (still_held()) return {};
  return Error{Errc::kInterrupted,
               "the lock " + LockText(name()) + " was lost: its lease was not renewed in time"};
}

void Lock::OnLoss(std::function<void()> callback) {
  if (const auto now = lease_->SetCallback(std::move(callback))) now();
}

LockService::LockService(std::unique_ptr<LockBackend> backend, milliseconds lease)
    : backend_(std::move(backend)), lease_(lease), keeper_([this] { Keep(); }) {}

LockService::~LockService() {
  Stop();
  {
    MutexLock lock(mutex_);
    assert(entries_.empty());
    ending_ = true;
    changed_.NotifyAll();
  }
  keeper_.join();
}

Result<Lock> LockService::Acquire(const LockName& name, LockMode mode, Deadline deadline) {
  if (auto good = CheckName(name); !good) return std::move(good).error();
  while (std::chrono::steady_clock::now() < deadline) {
    auto ticket = backend_->Enqueue(name, mode, deadline);
    if (!ticket) return std::move(ticket).error().Within("lock " + LockText(name));
    const auto lease = std::make_shared<LockLease>(name, std::move(*ticket), MarginOf(lease_));
    Status registered = Register(lease);
    auto held = registered ? AwaitTurn(*lease, deadline) : Result<bool>(registered.error());
    if (held && *held) return Lock(*this, lease);
    Drop(lease);
    if (!held) return std::move(held).error().Within("lock " + LockText(name));
  }
  return Error{Errc::kTimedOut, "lock " + LockText(name) + ": no time is left"};
}

Status LockService::Register(const LeasePtr& lease) {
  MutexLock lock(mutex_);
  if (entries_.size() >= kLockCountMax) {
    return Error{Errc::kNoSpace, "this process has " + std::to_string(kLockCountMax) +
                                     " locks already; see: reposfs locks"};
  }
  entries_.push_back(Entry{lease, BootClock::now() + lease_ / 3});
  changed_.NotifyAll();
  return {};
}

Result<bool> LockService::AwaitTurn(LockLease& lease, Deadline deadline) {
  while (true) {
    auto turn = backend_->AwaitTurn(lease.ticket(), std::min(deadline, In(kTurnTimeout)));
    if (!turn && turn.error().code == Errc::kNotFound) return false;
    if (!turn && turn.error().code != Errc::kUnreachable) return std::move(turn).error();
    if (!lease.Valid()) return false;
    if (turn && *turn) return true;
    if (std::chrono::steady_clock::now() < deadline) continue;
    if (!turn) return std::move(turn).error();
    return Error{Errc::kTimedOut, "others have it; see: reposfs locks"};
  }
}

void LockService::Drop(const LeasePtr& lease) {
  {
    MutexLock lock(mutex_);
    std::erase_if(entries_, [&](const Entry& entry) { return entry.lease == lease; });
    while (seeing_to_ == lease.get()) seen_to_.Wait(mutex_);
  }
  // A failure leaves the end to the lease, which nobody renews any more.
  static_cast<void>(backend_->Release(lease->ticket(), In(kReleaseTimeout)));
}

LockService::LeasePtr LockService::NextLocked(BootTime& due) const {
  LeasePtr next;
  for (const Entry& entry : entries_) {
    if (entry.lease->told()) continue;
    const BootTime when = std::min(entry.renew_at, entry.lease->valid_until());
    if (next && when >= due) continue;
    due = when;
    next = entry.lease;
  }
  return next;
}

void LockService::Keep() {
  SetThreadName("locks");
  MutexLock lock(mutex_);
  while (!ending_) {
    BootTime due{};
    const LeasePtr lease = NextLocked(due);
    const auto wait = lease ? std::chrono::ceil<milliseconds>(due - BootClock::now()) : kLookEvery;
    if (wait > milliseconds(0)) {
      changed_.WaitFor(mutex_, std::min(wait, kLookEvery));
      continue;
    }
    seeing_to_ = lease.get();
    mutex_.Unlock();
    if (lease->Valid()) Renew(lease);
    if (const auto callback = lease->TakeCallback()) callback();
    mutex_.Lock();
    seeing_to_ = nullptr;
    seen_to_.NotifyAll();
  }
}

void LockService::Renew(const LeasePtr& lease) {
  const auto renewed = backend_->Renew(lease->ticket(), In(lease_ / 4));
  if (renewed) lease->Extend(*renewed);
  if (!renewed && renewed.error().code == Errc::kNotFound) lease->MarkLost();
  const BootTime again = BootClock::now() + (renewed ? lease_ / 3 : lease_ / 10);
  MutexLock lock(mutex_);
  for (Entry& entry : entries_) {
    if (entry.lease == lease) entry.renew_at = again;
  }
}

}  // namespace reposfs
