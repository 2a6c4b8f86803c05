// A node as a health check sees it: answers /healthz with the status that the test says.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "base/mutex.h"
#include "tests/support/tcp_server.h"

namespace reposfs::testing {

class HealthServer {
 public:
  HealthServer() : server_([this](int fd) { Answer(fd); }) {}

  std::string address() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }
  // Counters and settings that tests poll; they publish nothing else.
  int requests() const { return requests_.load(); }
  void SetStatus(int status) { status_ = status; }
  // Accepts and says nothing.
  void SetSilent(bool silent) { silent_ = silent; }
  std::string last_request() {
    MutexLock lock(mutex_);
    return last_request_;
  }

 private:
  void Answer(int fd) {
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const auto size = ::read(fd, buffer, sizeof buffer);
      if (size <= 0) return;
      request.append(buffer, static_cast<std::size_t>(size));
    }
    {
      MutexLock lock(mutex_);
      last_request_ = request;
    }
    ++requests_;
    if (silent_) {
      while (::read(fd, buffer, sizeof buffer) > 0) {
      }
      return;
    }
    const std::string answer = "HTTP/1.1 " + std::to_string(status_.load()) +
                               " Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
  }

  std::atomic<int> requests_{0};
  std::atomic<int> status_{200};
  std::atomic<bool> silent_{false};
  Mutex mutex_;  // A leaf lock.
  std::string last_request_ REPOSFS_GUARDED_BY(mutex_);
  TcpServer server_;  // Last: its threads use the others.
};

}  // namespace reposfs::testing
