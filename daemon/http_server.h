// A small HTTP server for the control interface, on a Unix socket or a TCP address.
//
// libmicrohttpd does the protocol; this class bounds what a client may send and hands whole
// requests to a handler.  A request that is answered later holds a connection, but no thread.
//
// Thread-safety: the handler is called from several threads at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

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

  // Takes the answer, at once or later, on any thread, also when the server has gone: then it is
  // dropped, as every answer but the first.  If all copies are destroyed uncalled, the answer is a
  // failure (500).
  using Reply = std::function<void(HttpResponse)>;
  // Must not block on a host; the request lives only until it returns.
  using Handler = std::function<void(const HttpRequest&, Reply)>;

  // Listens on a socket that only its owner may use.  What is left there by a process that has died
  // is replaced.
  static Result<std::unique_ptr<HttpServer>> ListenUnix(const std::filesystem::path& path,
                                                        Handler handler);

  // `address` is "host:port" with a numeric host; port 0 is any free one.
  static Result<std::unique_ptr<HttpServer>> ListenTcp(const std::string& address, Handler handler);

  // Finishes the requests that are being handled; those to be answered later fail (503).
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Where it listens: "127.0.0.1:7420", or the path.
  const std::string& address() const { return address_; }

 private:
  class Daemon;

  HttpServer(std::string address, std::unique_ptr<Daemon> daemon);
  static Result<std::unique_ptr<HttpServer>> Serve(UniqueFd listening, std::string address,
                                                   Handler handler);

  const std::string address_;
  const std::unique_ptr<Daemon> daemon_;
};

}  // namespace reposfs
