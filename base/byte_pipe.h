// Bytes on their way from a thread that makes them to one that never waits.
//
// A transfer is made by a thread that blocks on a child or a disk; it leaves by a server's thread
// that serves many connections and must not.  Between them is this pipe: the maker waits while it
// is full, so a slow client slows its transfer down and costs no memory; the taker takes what is
// there, and is woken when there is something again.
//
//   open --Finish()--> ended      Take() tells the end, or the failure, after the last byte
//     +----Abandon()--> abandoned  the maker is told, and ends
//
// Thread-safety: every method may be called from any thread; one thread makes and one takes.
//
// Invariants:
//   (1) It holds at most `capacity_bytes`, and what one Put() brings beyond.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/result.h"

namespace reposfs {

class BytePipe {
 public:
  struct Limits {
    std::size_t capacity_bytes = 1u << 20;
    // A taker that takes less than `window_bytes` in any `window`, though it could, is too slow.
    std::chrono::milliseconds window = std::chrono::seconds(60);
    std::size_t window_bytes = 64u << 10;
  };

  explicit BytePipe(Limits limits) : limits_(limits), window_began_(SteadyClock::now()) {}

  // --- The maker ---

  // Blocks while the pipe is full.  Errors: kInterrupted if the taker has gone; kTimedOut if it is
  // too slow.
  Status Put(std::string_view bytes) REPOSFS_EXCLUDES(mutex_);
  // Nothing more comes.  A failure is told after what was put before it.
  void Finish(Status status) REPOSFS_EXCLUDES(mutex_);
  // Whether anybody still wants it.  Errors: kInterrupted.
  Status KeepGoing() const REPOSFS_EXCLUDES(mutex_);

  // --- The taker ---

  // Takes up to `room_bytes`, at `out`.  0 is the end; nothing means that `wake` is called, once,
  // on the maker's thread and with no lock held, as soon as it is worth while to ask again. Errors:
  // that of Finish().
  Result<std::optional<std::size_t>> Take(char* out, std::size_t room_bytes,
                                          std::function<void()> wake) REPOSFS_EXCLUDES(mutex_);
  // The rest is not wanted.
  void Abandon() REPOSFS_EXCLUDES(mutex_);

 private:
  using SteadyClock = std::chrono::steady_clock;

  bool TooSlowLocked(SteadyClock::time_point now) REPOSFS_REQUIRES(mutex_);

  const Limits limits_;

  mutable Mutex mutex_;  // A leaf lock.
  CondVar changed_;      // The maker waits.
  std::string held_ REPOSFS_GUARDED_BY(mutex_);
  std::size_t taken_ REPOSFS_GUARDED_BY(mutex_) = 0;  // Of held_, from its beginning.
  std::function<void()> wake_ REPOSFS_GUARDED_BY(mutex_);
  std::optional<Status> finished_ REPOSFS_GUARDED_BY(mutex_);
  bool abandoned_ REPOSFS_GUARDED_BY(mutex_) = false;
  SteadyClock::time_point window_began_ REPOSFS_GUARDED_BY(mutex_);
  std::size_t window_taken_bytes_ REPOSFS_GUARDED_BY(mutex_) = 0;
};

}  // namespace reposfs
