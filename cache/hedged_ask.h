// Asks a second peer for refs when the first has been silent for longer than it usually is.
//
// The slowest answer of many is what people wait for; a second question costs little (J. Dean, L.
// A. Barroso, "The Tail at Scale", 2013).  The second one is asked from a thread of its own, and
// whoever answers first ends the other.
//
//   idle --Look(), the delay has passed--> asking --> answered, or failed
//
// Thread-safety: none; its own thread touches only what is guarded.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "cache/origin.h"
#include "cache/transport.h"

namespace reposfs {

class HedgedAsk {
 public:
  // `transport` must outlive it.
  HedgedAsk(Transport& transport, Source source, milliseconds delay)
      : transport_(transport), source_(std::move(source)), ask_at_(Clock::now() + delay) {}
  ~HedgedAsk();  // Ends the question, and waits for that: some 50 ms at most.
  HedgedAsk(const HedgedAsk&) = delete;
  HedgedAsk& operator=(const HedgedAsk&) = delete;

  // To be called often while the first is waited for.  kInterrupted: the second has answered, and
  // the first may be left.
  Status Look() REPOSFS_EXCLUDES(mutex_);

  bool asked() const { return thread_.joinable(); }
  const Source& source() const { return source_; }
  // Since when it is asked.  REQUIRES: asked().
  std::chrono::steady_clock::time_point ask_at() const { return ask_at_; }

  // Waits for the answer while `keep_going` allows it.  REQUIRES: asked().
  Result<ListedRefs> Wait(const std::function<Status()>& keep_going) REPOSFS_EXCLUDES(mutex_);

 private:
  using Clock = std::chrono::steady_clock;

  void Ask() REPOSFS_EXCLUDES(mutex_);

  Transport& transport_;
  const Source source_;
  const Clock::time_point ask_at_;
  std::atomic<bool> cancelled_{false};  // Orders nothing else.

  Mutex mutex_;  // A leaf lock.
  CondVar ended_;
  std::optional<Result<ListedRefs>> answer_ REPOSFS_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace reposfs
