// Upstreams that no real web server would be: silent, endless, cut off.
//
// Thread-safety: the handlers run on one thread per connection; count with atomics.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"

namespace reposfs::testing {

// A port of the loopback interface that nobody listened on a moment ago.
std::uint16_t FreePort();

// Whether somebody listens on that port of the loopback interface.
bool Listens(std::uint16_t port);

// Accepts connections on a free loopback port and hands each to `handler` on a thread of its own.
class TcpServer {
 public:
  using Handler = std::function<void(int fd)>;

  explicit TcpServer(Handler handler);
  ~TcpServer();
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  // Shuts every connection down, waits for the handlers, and listens no more.
  void Stop();

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_.load(); }
  // For `hosts.<name>.url` in the configuration.
  std::string UrlTemplate() const;

 private:
  void AcceptLoop();

  const Handler handler_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  // A counter that tests poll; it publishes nothing else.
  std::atomic<int> connections_{0};
  Mutex mutex_;  // A leaf lock.
  std::vector<UniqueFd> open_ REPOSFS_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ REPOSFS_GUARDED_BY(mutex_);
  std::thread acceptor_;
};

// Accepts, reads all that is sent, and says nothing.
TcpServer::Handler Stall();

// Answers every request with status 200 and a list of refs (protocol v0) that does not end.
TcpServer::Handler EndlessRefs();

// Answers every request with `response`, verbatim, and closes the connection.
TcpServer::Handler Respond(std::string response);

}  // namespace reposfs::testing
