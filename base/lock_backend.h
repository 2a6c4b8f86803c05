// What keeps the locks that several processes share: the catalog on one machine, etcd in a cluster.
//
// A lock is a queue.  Whoever wants it takes a ticket, with a number higher than every one before;
// its turn has come when no earlier ticket stands in its way.  So nobody starves, and the number is
// the fencing token.  A ticket has a lease: one that is not renewed is removed, whether its owner
// held the lock or waited for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/boot_clock.h"
#include "base/clock.h"
#include "base/deadline.h"
#include "base/result.h"

namespace reposfs {

// What a lock is about.  Locks of different scopes have nothing to do with each other.
enum class LockScope { kCluster, kRepository, kRef, kObject };

enum class LockMode {
  kShared,     // Any number of holders together.
  kExclusive,  // One holder alone.
};

struct LockName {
  LockScope scope = LockScope::kCluster;
  std::string name;
};

std::string_view LockScopeName(LockScope scope);
std::optional<LockScope> ParseLockScope(std::string_view name);
std::string_view LockModeName(LockMode mode);
std::optional<LockMode> ParseLockMode(std::string_view name);
// "repository:github.com/git/git", printable.
std::string LockText(const LockName& name);

// Whether a ticket must wait for an earlier one of the same lock.
inline bool MustWaitFor(LockMode mode, LockMode earlier) {
  return mode == LockMode::kExclusive || earlier == LockMode::kExclusive;
}

// "<host>:<pid>", for whoever reads the list of locks.
std::string LockOwnerName();

struct LockTicket {
  std::string id;          // What the backend knows it by.
  std::int64_t token = 0;  // Grows with each ticket of a lock, whatever restarts or fails.
  // Until then nobody else is given the lock; by this machine's clock.
  BootClock::time_point lease_end{};
};

// A ticket as everybody sees it.
struct LockRecord {
  LockName name;
  LockMode mode = LockMode::kExclusive;
  bool held = false;  // Else it waits.
  std::int64_t token = 0;
  std::string owner;
  WallTime asked_at{};
  std::optional<WallTime> held_since;
  std::optional<std::chrono::milliseconds> lease_left;
};

// Thread-safety: every method may be called from any thread.  All but Stop() block.
//
// Errors of every method: kUnreachable if it can't be asked by the deadline, and others if it is
// broken in a way that does not pass.
class LockBackend {
 public:
  virtual ~LockBackend() = default;

  virtual Result<LockTicket> Enqueue(const LockName& name, LockMode mode, Deadline deadline) = 0;

  // Whether its turn has come.  May wait for that, at most until `deadline`; by then it has asked
  // at least once.  Errors: kNotFound if the ticket is gone.
  virtual Result<bool> AwaitTurn(const LockTicket& ticket, Deadline deadline) = 0;

  // Returns the new end of the lease.  Errors: kNotFound if the ticket is gone.
  virtual Result<BootClock::time_point> Renew(const LockTicket& ticket, Deadline deadline) = 0;

  // Takes the ticket out of the queue; one that is gone is no error, and nobody else's is touched.
  virtual Status Release(const LockTicket& ticket, Deadline deadline) = 0;

  // At most kLockRecordCountMax, in the order of the tokens within each lock.
  virtual Result<std::vector<LockRecord>> List(Deadline deadline) = 0;

  // Ends Enqueue(), AwaitTurn() and List(), those that run and later ones, with kInterrupted.  What
  // is held can still be renewed and released.
  virtual void Stop() = 0;
};

inline constexpr int kLockRecordCountMax = 2'000;

// Sorts `records` by lock and token, and tells who holds: who must wait for none before it.
void MarkHolders(std::vector<LockRecord>& records);

}  // namespace reposfs
