// A small HTTP server for the control interface and for git clients, on a Unix socket or a TCP
// address.
//
// libmicrohttpd does the protocol; this class bounds what a client may send, and how long it may
// take, and hands whole requests to a handler.  A request that is answered later, or piece by
// piece, holds a connection, but no thread.
//
// Thread-safety: the handler is called from several threads at a time.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_pipe.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/connection_watch.h"
#include "daemon/http_tls.h"

namespace reposfs {

struct HttpRequest {
  std::string method;  // "GET", "POST"
  std::string path;    // Not decoded; without the query.
  std::string body;    // At most kBodyMaxBytes, or what Settings::body_max_bytes allows.
  std::string content_type = {};
  std::map<std::string, std::string> query = {};    // Decoded; of several values the last.
  std::map<std::string, std::string> headers = {};  // By lower-case name; likewise.

  // Empty if there is none.
  std::string Header(const std::string& lower_case_name) const {
    const auto found = headers.find(lower_case_name);
    return found != headers.end() ? found->second : std::string();
  }
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  // If set, the body is what comes out of it, and `body` is not used.  It is abandoned when the
  // client goes, or takes too long.
  std::shared_ptr<BytePipe> stream = nullptr;
};

class HttpServer {
 public:
  static constexpr std::size_t kBodyMaxBytes = 1u << 20;

  // Takes the answer, at once or later, on any thread, also when the server has gone: then it is
  // dropped, as every answer but the first.  If all copies are destroyed uncalled, the answer is a
  // failure (500).
  using Reply = std::function<void(HttpResponse)>;
  // Must not block on a host; the request lives only until it returns, and may be moved from.
  using Handler = std::function<void(HttpRequest&, Reply)>;

  struct Settings {
    // How large the body of a request may be, of which everything else is known.
    std::function<std::size_t(const HttpRequest& head)> body_max_bytes = nullptr;
    ConnectionWatch::Limits limits = {};
    // With a CA for clients, only who shows a certificate of it is handled; others are told so
    // (403).
    HttpTls tls = {};
  };
  // Of all bodies together: who brings more is told to wait (503).
  static constexpr std::size_t kBodiesMaxBytes = 128u << 20;

  // Listens on a socket that only its owner may use.  What is left there by a process that has died
  // is replaced.
  static Result<std::unique_ptr<HttpServer>> ListenUnix(const std::filesystem::path& path,
                                                        Handler handler);

  // `address` is "host:port" with a numeric host; port 0 is any free one.
  static Result<std::unique_ptr<HttpServer>> ListenTcp(const std::string& address, Handler handler,
                                                       Settings settings);

  // Finishes the requests that are being handled; those to be answered later fail (503), and those
  // whose answer is leaving are cut.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Where it listens: "127.0.0.1:7420", or the path.
  const std::string& address() const { return address_; }

 private:
  class Daemon;

  HttpServer(std::string address, std::unique_ptr<Daemon> daemon);
  static Result<std::unique_ptr<HttpServer>> Serve(UniqueFd listening, std::string address,
                                                   Handler handler, Settings settings);

  const std::string address_;
  const std::unique_ptr<Daemon> daemon_;
};

}  // namespace reposfs
