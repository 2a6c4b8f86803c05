#include "tests/support/tcp_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace reposfs::testing {
namespace {

struct Listener {
  UniqueFd fd;
  std::uint16_t port;
};

Listener Listen() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  constexpr int kBacklog = 512;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(fd.get(), kBacklog) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    std::perror("listen on a loopback port");
    std::abort();
  }
  return Listener{std::move(fd), ntohs(address.sin_port)};
}

bool SendAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// Reads up to the empty line that ends the head of a request.  False if the peer is gone.
bool ReadHead(int fd) {
  std::string head;
  std::array<char, 4096> buffer;
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (count <= 0) return false;
    head.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return true;
}

std::string PktLine(const std::string& payload) {
  std::array<char, 8> length;
  std::snprintf(length.data(), length.size(), "%04zx", payload.size() + 4);
  return length.data() + payload;
}

std::string Chunk(const std::string& payload) {
  std::array<char, 32> length;
  std::snprintf(length.data(), length.size(), "%zx\r\n", payload.size());
  return length.data() + payload + "\r\n";
}

std::string ManyRefs(std::uint64_t first) {
  constexpr std::uint64_t kRefsPerChunk = 500;
  std::string lines;
  for (std::uint64_t number = first; number < first + kRefsPerChunk; ++number) {
    std::array<char, 128> ref;
    std::snprintf(ref.data(), ref.size(), "%040llx refs/heads/endless-%llu\n",
                  static_cast<unsigned long long>(number) + 1,
                  static_cast<unsigned long long>(number));
    lines += PktLine(ref.data());
  }
  return lines;
}

}  // namespace

bool Listens(std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

std::uint16_t FreePort() {
  return Listen().port;
}

TcpServer::TcpServer(Handler handler) : handler_(std::move(handler)) {
  Listener listener = Listen();
  listener_ = std::move(listener.fd);
  port_ = listener.port;
  acceptor_ = std::thread([this] { AcceptLoop(); });
}

TcpServer::~TcpServer() {
  Stop();
}

void TcpServer::Stop() {
  if (!listener_) return;
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    for (const UniqueFd& fd : open_) ::shutdown(fd.get(), SHUT_RDWR);
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
  listener_.reset();
  MutexLock lock(mutex_);
  open_.clear();
}

std::string TcpServer::UrlTemplate() const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/{owner}/{name}.git";
}

void TcpServer::AcceptLoop() {
  for (;;) {
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return;
    connections_.fetch_add(1);
    MutexLock lock(mutex_);
    threads_.emplace_back([this, raw = fd.get()] {
      handler_(raw);
      ::shutdown(raw, SHUT_RDWR);
    });
    open_.push_back(std::move(fd));
  }
}

TcpServer::Handler Stall() {
  return [](int fd) {
    std::array<char, 4096> buffer;
    while (::recv(fd, buffer.data(), buffer.size(), 0) > 0) {
    }
  };
}

TcpServer::Handler EndlessRefs() {
  return [](int fd) {
    if (!ReadHead(fd)) return;
    const std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    const std::string service = PktLine("# service=git-upload-pack\n") + "0000";
    const std::string first = std::string(40, 'a') + " HEAD";
    const std::string capabilities = std::string(1, '\0') + "multi_ack side-band-64k shallow\n";
    if (!SendAll(fd, head + Chunk(service + PktLine(first + capabilities)))) return;
    for (std::uint64_t number = 0; SendAll(fd, Chunk(ManyRefs(number))); number += 500) {
    }
  };
}

TcpServer::Handler Respond(std::string response) {
  return [response = std::move(response)](int fd) {
    if (ReadHead(fd)) SendAll(fd, response);
  };
}

}  // namespace reposfs::testing
