// A small HTTP server for the control interface, on a Unix socket or a TCP address.
//
// libmicrohttpd does the protocol; this class bounds what a client may send and hands whole
// requests to a handler.
//
// Thread-safety: the handler is called from several threads at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace reposfs {

struct HttpRequest {
  std::string method;  // "GET", "POST"
  std::string path;    // Not decoded; without the query.
  std::string body;    // At most kBodyMaxBytes.
  std::string content_type = {};
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

class HttpServer {
 public:
  static constexpr std::size_t kBodyMaxBytes = 1u << 20;

  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // Listens on a socket that only its owner may use.  What is left there by a process that has died
  // is replaced.
  static Result<std::unique_ptr<HttpServer>> ListenUnix(const std::filesystem::path& path,
                                                        Handler handler);

  // `address` is "host:port" with a numeric host; port 0 is any free one.
  static Result<std::unique_ptr<HttpServer>> ListenTcp(const std::string& address, Handler handler);

  ~HttpServer();  // Finishes the requests under way.
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Where it listens: "127.0.0.1:7420", or the path.
  const std::string& address() const { return address_; }

 private:
  struct Daemon;

  HttpServer(std::string address, Handler handler);
  Status Start(int listening_fd);

  const std::string address_;
  const Handler handler_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace reposfs
