// A server on a Unix socket that gives one prepared answer to each request, and keeps the requests.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cassert>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"

namespace reposfs {

class UnixAnswerer {
 public:
  // Answers every request with `status` ("200 OK") and `body`.
  UnixAnswerer(const std::filesystem::path& socket, std::string status, std::string body)
      : answer_("HTTP/1.1 " + status + "\r\nConnection: close\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body),
        listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    assert(socket.native().size() < sizeof address.sun_path);
    std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
    [[maybe_unused]] int rc =
        ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    assert(rc == 0);
    rc = ::listen(listener_.get(), 8);
    assert(rc == 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~UnixAnswerer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  std::vector<std::string> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }

 private:
  void Serve() {
    while (true) {
      const UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) return;
      // A request of these tests is far smaller than one read.
      std::string request(16'384, '\0');
      const auto size = ::read(connection.get(), request.data(), request.size());
      request.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
      {
        MutexLock lock(mutex_);
        requests_.push_back(request);
      }
      [[maybe_unused]] const auto sent =
          ::send(connection.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
    }
  }

  const std::string answer_;
  const UniqueFd listener_;
  std::thread thread_;
  mutable Mutex mutex_;
  std::vector<std::string> requests_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
