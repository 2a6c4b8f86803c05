#include "daemon/connection_watch.h"

#include <sys/socket.h>

#include <algorithm>

#include "base/thread_pool.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kSweepEvery(500);

}  // namespace

ConnectionWatch::ConnectionWatch(Limits limits) : limits_(limits), sweeper_([this] { Sweep(); }) {}

ConnectionWatch::~ConnectionWatch() {
  {
    MutexLock lock(mutex_);
    ended_ = true;
    ending_.NotifyAll();
  }
  sweeper_.join();
}

void ConnectionWatch::Opened(int socket) {
  MutexLock lock(mutex_);
  connections_[socket] = steady_clock::now() + limits_.request_timeout;
}

void ConnectionWatch::Closed(int socket) {
  MutexLock lock(mutex_);
  connections_.erase(socket);
}

void ConnectionWatch::Received(int socket, std::uint64_t size_bytes) {
  MutexLock lock(mutex_);
  const auto found = connections_.find(socket);
  if (found == connections_.end() || !found->second) return;
  *found->second += milliseconds(size_bytes * 1000 / limits_.body_bytes_per_second);
}

void ConnectionWatch::Whole(int socket) {
  MutexLock lock(mutex_);
  const auto found = connections_.find(socket);
  if (found != connections_.end()) found->second.reset();
}

void ConnectionWatch::Answered(int socket) {
  MutexLock lock(mutex_);
  const auto found = connections_.find(socket);
  if (found != connections_.end()) found->second = steady_clock::now() + limits_.request_timeout;
}

void ConnectionWatch::Sweep() {
  SetThreadName("http-watch");
  MutexLock lock(mutex_);
  while (!ended_) {
    ending_.WaitFor(mutex_, std::min(kSweepEvery, limits_.request_timeout));
    const SteadyTime now = steady_clock::now();
    for (auto& [socket, deadline] : connections_) {
      if (!deadline || now < *deadline) continue;
      ::shutdown(socket, SHUT_RDWR);
      deadline.reset();
    }
  }
}

}  // namespace reposfs
