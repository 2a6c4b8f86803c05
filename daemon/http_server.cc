#include "daemon/http_server.h"

#include <microhttpd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/unique_fd.h"
#include "daemon/listening_socket.h"

namespace reposfs {
namespace {

constexpr int kBacklog = 64;
constexpr unsigned kThreadCount = 8;  // Some wait for a host: refresh, pin.
constexpr unsigned kConnectionCountMax = 128;
constexpr unsigned kIdleTimeoutS = 60;

// One request while its body arrives.
struct Conversation {
  HttpRequest request;
  bool too_large = false;
};

MHD_Result Reply(MHD_Connection* connection, const HttpResponse& response) {
  MHD_Response* raw = MHD_create_response_from_buffer(
      response.body.size(), const_cast<char*>(response.body.data()), MHD_RESPMEM_MUST_COPY);
  if (raw == nullptr) return MHD_NO;
  MHD_add_response_header(raw, "Content-Type", response.content_type.c_str());
  MHD_add_response_header(raw, "X-Content-Type-Options", "nosniff");
  MHD_add_response_header(raw, "Cache-Control", "no-store");
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), raw);
  MHD_destroy_response(raw);
  return queued;
}

MHD_Result OnRequest(void* context, MHD_Connection* connection, const char* url, const char* method,
                     const char*, const char* upload, std::size_t* upload_size,
                     void** per_request) noexcept {
  auto* conversation = static_cast<Conversation*>(*per_request);
  if (conversation == nullptr) {
    const char* type =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
    *per_request = new Conversation{{method, url, {}, type == nullptr ? "" : type}, false};
    return MHD_YES;
  }
  if (*upload_size > 0) {
    conversation->too_large |=
        conversation->request.body.size() + *upload_size > HttpServer::kBodyMaxBytes;
    if (!conversation->too_large) conversation->request.body.append(upload, *upload_size);
    *upload_size = 0;
    return MHD_YES;
  }
  if (conversation->too_large) {
    return Reply(connection, {413, "application/json", R"({"error":"the body is too large"})"});
  }
  const auto& handler = *static_cast<const HttpServer::Handler*>(context);
  return Reply(connection, handler(conversation->request));
}

void OnCompleted(void*, MHD_Connection*, void** per_request, MHD_RequestTerminationCode) noexcept {
  delete static_cast<Conversation*>(*per_request);
  *per_request = nullptr;
}

// Keeps libmicrohttpd from decoding %2F in a path, which would move the borders of its parts.
std::size_t KeepEncoded(void*, MHD_Connection*, char* text) noexcept {
  return std::strlen(text);
}

}  // namespace

struct HttpServer::Daemon {
  explicit Daemon(MHD_Daemon* daemon) : raw(daemon) {}
  ~Daemon() { MHD_stop_daemon(raw); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  MHD_Daemon* raw;
};

HttpServer::HttpServer(std::string address, Handler handler)
    : address_(std::move(address)), handler_(std::move(handler)) {}

HttpServer::~HttpServer() = default;

Status HttpServer::Start(int listening_fd) {
  if (::listen(listening_fd, kBacklog) != 0) {
    const Error error = ErrnoError(errno, "listen on " + address_);
    ::shutdown(listening_fd, SHUT_RDWR);
    return error;
  }
  MHD_Daemon* raw = MHD_start_daemon(
      MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, nullptr, nullptr, OnRequest,
      const_cast<Handler*>(&handler_), MHD_OPTION_LISTEN_SOCKET, listening_fd,
      MHD_OPTION_THREAD_POOL_SIZE, kThreadCount, MHD_OPTION_CONNECTION_LIMIT, kConnectionCountMax,
      MHD_OPTION_CONNECTION_TIMEOUT, kIdleTimeoutS, MHD_OPTION_NOTIFY_COMPLETED, OnCompleted,
      nullptr, MHD_OPTION_UNESCAPE_CALLBACK, KeepEncoded, nullptr, MHD_OPTION_END);
  if (raw == nullptr) return Error{Errc::kIo, "HTTP server not started on " + address_};
  daemon_ = std::make_unique<Daemon>(raw);
  return {};
}

Result<std::unique_ptr<HttpServer>> HttpServer::ListenUnix(const std::filesystem::path& path,
                                                           Handler handler) {
  auto fd = BindUnix(path);
  if (!fd) return std::move(fd).error();
  std::unique_ptr<HttpServer> server(new HttpServer(path.string(), std::move(handler)));
  if (auto started = server->Start(fd->get()); !started) return std::move(started).error();
  fd->release();  // MHD_stop_daemon() closes it.
  return server;
}

Result<std::unique_ptr<HttpServer>> HttpServer::ListenTcp(const std::string& address,
                                                          Handler handler) {
  auto fd = BindTcp(address);
  if (!fd) return std::move(fd).error();
  std::unique_ptr<HttpServer> server(
      new HttpServer(BoundAddress(fd->get(), address), std::move(handler)));
  if (auto started = server->Start(fd->get()); !started) return std::move(started).error();
  fd->release();  // MHD_stop_daemon() closes it.
  return server;
}

}  // namespace reposfs
