// Ends connections whose clients take too long to say what they want.
//
// libmicrohttpd ends a connection that is silent, but one that sends a byte now and then may stay
// for ever.  Here each has a time by which its request must be whole, which grows with what it has
// sent.
//
//   Opened() --> reads --Whole()--> answers --Answered()--> reads --> ...   Closed()
//                  |
//                  +-- too late: its socket is shut down, and libmicrohttpd closes it
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <thread>

#include "base/mutex.h"

namespace reposfs {

class ConnectionWatch {
 public:
  struct Limits {
    std::chrono::milliseconds request_timeout = std::chrono::seconds(60);
    // Beyond that, a body may take as long as at this speed.
    std::uint64_t body_bytes_per_second = 4096;
  };

  explicit ConnectionWatch(Limits limits);
  ~ConnectionWatch();
  ConnectionWatch(const ConnectionWatch&) = delete;
  ConnectionWatch& operator=(const ConnectionWatch&) = delete;

  // `socket` stays open until Closed().
  void Opened(int socket) REPOSFS_EXCLUDES(mutex_);
  void Closed(int socket) REPOSFS_EXCLUDES(mutex_);

  void Received(int socket, std::uint64_t size_bytes) REPOSFS_EXCLUDES(mutex_);
  void Whole(int socket) REPOSFS_EXCLUDES(mutex_);
  // The next request may begin.
  void Answered(int socket) REPOSFS_EXCLUDES(mutex_);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  void Sweep() REPOSFS_EXCLUDES(mutex_);

  const Limits limits_;

  Mutex mutex_;  // A leaf lock, held for a shutdown(2).
  CondVar ending_;
  // By socket: when its request must be whole; nothing while it is answered.
  std::map<int, std::optional<SteadyTime>> connections_ REPOSFS_GUARDED_BY(mutex_);
  bool ended_ REPOSFS_GUARDED_BY(mutex_) = false;

  std::thread sweeper_;
};

}  // namespace reposfs
