// Runs transfers without asking too much of any host.
//
// Each host has a queue of its own, so a host that is slow, dead or at its limits delays only its
// own repositories.  Within a host the higher priority goes first; background transfers take at
// most half of its places, so that somebody who waits always finds one.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "cache/origin.h"

namespace reposfs {

class HostScheduler {
 public:
  // Transfers of at least this priority have somebody waiting for them.
  static constexpr int kForegroundPriority = 50;
  // From here on it is about a name, a tip or a directory: quick, and not to wait behind bulk.
  static constexpr int kInteractivePriority = 70;

  HostScheduler(const Origin& origin, int concurrency);
  ~HostScheduler();  // Stop()
  HostScheduler(const HostScheduler&) = delete;
  HostScheduler& operator=(const HostScheduler&) = delete;

  // Runs `task` on a thread of the pool as soon as `host` has a place.
  void Submit(const std::string& host, int priority, std::function<void()> task)
      REPOSFS_EXCLUDES(mutex_);

  // Starts what a limit of requests a minute held back.  Call this about once a second.
  void Tick() REPOSFS_EXCLUDES(mutex_);

  // Waits for the running tasks and drops the queued ones.
  void Stop();

  // The host asks to be left alone: nothing is started there for `time`, unless more is known.
  void HoldBack(const std::string& host, std::chrono::milliseconds time, const std::string& cause)
      REPOSFS_EXCLUDES(mutex_);

  struct HostState {
    int running_count = 0;
    int queued_count = 0;
    int starts_last_minute = 0;  // Counted only if there is a limit.
    int starts_per_minute_max = 0;
    std::chrono::milliseconds held_for{0};
    std::string held_cause;
  };
  HostState StateOf(const std::string& host) const REPOSFS_EXCLUDES(mutex_);
  std::map<std::string, HostState> States() const REPOSFS_EXCLUDES(mutex_);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Task {
    std::uint64_t sequence;
    std::function<void()> run;
    int priority;

    bool foreground() const { return priority >= kForegroundPriority; }
  };
  struct Host {
    int running_max;
    int starts_per_minute_max;  // 0: no limit.
    int running = 0;
    int running_background = 0;
    SteadyTime held_until{};
    std::string held_cause;
    std::deque<SteadyTime> starts;  // Within the last minute; kept only if there is a limit.
    std::multimap<int, Task, std::greater<>> queue;  // By priority, then by arrival.
  };

  static HostState StateLocked(const Host& host);
  Host& HostOfLocked(const std::string& name) REPOSFS_REQUIRES(mutex_);
  void StartLocked(const std::string& name, Host& host) REPOSFS_REQUIRES(mutex_);
  bool MayStartLocked(Host& host, const Task& task, SteadyTime now) REPOSFS_REQUIRES(mutex_);
  void Finished(const std::string& name, bool foreground) REPOSFS_EXCLUDES(mutex_);

  const Origin& origin_;
  const int concurrency_;
  ThreadPool pool_;

  mutable Mutex mutex_;  // Before ThreadPool's.
  std::map<std::string, Host> hosts_ REPOSFS_GUARDED_BY(mutex_);
  int running_ REPOSFS_GUARDED_BY(mutex_) = 0;
  std::uint64_t next_sequence_ REPOSFS_GUARDED_BY(mutex_) = 0;
};

}  // namespace reposfs
