// Runs transfers without asking too much of any host.
//
// Each host has a queue of its own, so a host that is slow, dead or at its limits delays only its
// own repositories.  Within a host the higher priority goes first; background transfers take at
// most half of its places, so that somebody who waits always finds one.  The places of a host are
// those of all processes (cache/host_ledger.h):
//
//   Submit() --> queued --> a thread of the pool asks the ledger --> runs --> Finished()
//                  ^                                   |
//                  +---------- refused: Tick() --------+
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "cache/host_ledger.h"
#include "cache/origin.h"

namespace reposfs {

class HostScheduler {
 public:
  // Transfers of at least this priority have somebody waiting for them.
  static constexpr int kForegroundPriority = 50;
  // From here on it is about a name, a tip or a directory: quick, and not to wait behind bulk.
  static constexpr int kInteractivePriority = 70;

  // `concurrency` is about this process.  `wake` is called when Tick() is wanted soon.
  HostScheduler(const Origin& origin, HostLedger& ledger, int concurrency,
                std::function<void()> wake);
  ~HostScheduler();  // Stop()
  HostScheduler(const HostScheduler&) = delete;
  HostScheduler& operator=(const HostScheduler&) = delete;

  // Runs `task` on a thread of the pool as soon as `host` has a place.
  void Submit(const std::string& host, int priority, std::function<void()> task)
      REPOSFS_EXCLUDES(mutex_);

  // Starts what the ledger has refused and what a host held back.  Call this about once a second,
  // and about every 50 ms while waits_for_others().
  void Tick() REPOSFS_EXCLUDES(mutex_);
  bool waits_for_others() const REPOSFS_EXCLUDES(mutex_);

  // Waits for the running tasks and drops the queued ones.
  void Stop();

  // The host asks to be left alone: nothing is started there for `time`, unless more is known.
  void HoldBack(const std::string& host, std::chrono::milliseconds time, const std::string& cause)
      REPOSFS_EXCLUDES(mutex_);

  // What this process does there.
  struct HostState {
    int running_count = 0;
    int queued_count = 0;
    int requests_per_minute_max = 0;  // 0: no limit.
    std::chrono::milliseconds held_for{0};
    std::string held_cause;
  };
  HostState StateOf(const std::string& host) const REPOSFS_EXCLUDES(mutex_);
  std::map<std::string, HostState> States() const REPOSFS_EXCLUDES(mutex_);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Task {
    std::function<void()> run;
    int priority;
    std::uint64_t sequence;

    bool foreground() const { return priority >= kForegroundPriority; }
    // The most urgent first, then in the order of arrival.
    std::pair<int, std::uint64_t> Order() const { return {-priority, sequence}; }
  };
  struct Host {
    int running_max;
    int requests_per_minute_max;
    int running = 0;
    int running_background = 0;
    bool asking = false;   // One asks the ledger: the next one must not overtake it.
    bool refused = false;  // By the ledger, lately.
    SteadyTime again_at{};
    SteadyTime held_until{};
    std::string held_cause;
    std::map<std::pair<int, std::uint64_t>, Task> queue;  // By Task::Order().

    int bulk_max() const { return running_max - running_max / 4; }
    int background_max() const { return (running_max + 1) / 2; }
  };

  static HostState StateLocked(const Host& host);
  Host& HostOfLocked(const std::string& name) REPOSFS_REQUIRES(mutex_);
  void StartLocked(const std::string& name, Host& host) REPOSFS_REQUIRES(mutex_);
  bool MayAskLocked(const Host& host, const Task& task, SteadyTime now) REPOSFS_REQUIRES(mutex_);
  HostLedger::Visitor VisitorLocked(const std::string& name, const Host& host, const Task& task)
      REPOSFS_REQUIRES(mutex_);
  // On a thread of the pool.
  void Run(const HostLedger::Visitor& visitor, Task task) REPOSFS_EXCLUDES(mutex_);
  void Entered(const std::string& name) REPOSFS_EXCLUDES(mutex_);
  void PutBack(const std::string& name, Task task, std::chrono::milliseconds again_after)
      REPOSFS_EXCLUDES(mutex_);
  void Finished(const std::string& name, bool foreground) REPOSFS_EXCLUDES(mutex_);
  // The task that was counted runs no more, or not yet.
  void UncountLocked(Host& host, bool foreground) REPOSFS_REQUIRES(mutex_);
  void StartOthersLocked() REPOSFS_REQUIRES(mutex_);

  const Origin& origin_;
  HostLedger& ledger_;
  const int concurrency_;
  const std::function<void()> wake_;
  ThreadPool pool_;

  mutable Mutex mutex_;  // Before ThreadPool's.
  std::map<std::string, Host> hosts_ REPOSFS_GUARDED_BY(mutex_);
  int running_ REPOSFS_GUARDED_BY(mutex_) = 0;
  std::uint64_t next_sequence_ REPOSFS_GUARDED_BY(mutex_) = 0;
};

}  // namespace reposfs
