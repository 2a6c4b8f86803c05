#include "daemon/listening_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <memory>

#include "base/file_util.h"

namespace reposfs {
namespace {

struct AddressDeleter {
  void operator()(addrinfo* addresses) const noexcept { freeaddrinfo(addresses); }
};

}  // namespace

Result<UniqueFd> BindUnix(const std::filesystem::path& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return ErrnoError(errno, "socket");
  // A socket's address has room for 107 bytes; through the directory's descriptor any path fits.
  auto directory = OpenFile(path.parent_path(), O_PATH | O_DIRECTORY);
  if (!directory) return std::move(directory).error();
  const std::string brief =
      "/proc/self/fd/" + std::to_string(directory->get()) + "/" + path.filename().string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  brief.copy(address.sun_path, sizeof address.sun_path - 1);
  ::unlink(path.c_str());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoError(errno, "listen on " + path.string());
  }
  if (::chmod(path.c_str(), 0600) != 0) return ErrnoError(errno, "protect " + path.string());
  return fd;
}

Result<UniqueFd> BindTcp(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) {
    return Error{Errc::kInvalidArgument, "http.listen: \"" + text + "\" is not ADDRESS:PORT"};
  }
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  if (getaddrinfo(host.c_str(), text.substr(colon + 1).c_str(), &hints, &raw) != 0) {
    return Error{Errc::kInvalidArgument, "http.listen: \"" + text + "\" is not ADDRESS:PORT"};
  }
  const std::unique_ptr<addrinfo, AddressDeleter> addresses(raw);
  UniqueFd fd(::socket(raw->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return ErrnoError(errno, "socket");
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(fd.get(), raw->ai_addr, raw->ai_addrlen) != 0) {
    return ErrnoError(errno, "listen on " + text);
  }
  return fd;
}

std::string BoundAddress(int fd, const std::string& asked) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return asked;
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(reinterpret_cast<sockaddr*>(&storage), size, host, sizeof host, port,
                    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return asked;
  }
  const std::string text = host;
  return (text.find(':') == std::string::npos ? text : "[" + text + "]") + ":" + port;
}

}  // namespace reposfs
