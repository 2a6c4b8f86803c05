// Which resource a request asks for, and who may ask.
//
// Thread-safety: Handle() may be called from any thread, once nothing is added any more.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http_server.h"

namespace reposfs {

// Who may do what; each may do what those before it may.
enum class ControlAccess {
  kStranger,  // Anybody who reaches an HTTP address that other machines reach, too.
  kReadOnly,  // Who reaches one of this machine only.
  kPeer,      // Who shows the secret of the ring, or a certificate.
  kFull,      // Who may use the Unix socket.
};

// A request for the resource it was routed to.
struct RoutedRequest {
  const HttpRequest& request;
  std::vector<std::string> parts;  // What the braces of the pattern stand for, decoded, in order.
};

class Router {
 public:
  using Handler = std::function<void(const RoutedRequest& call, const HttpServer::Reply& reply)>;
  using Answerer = std::function<HttpResponse(const RoutedRequest& call)>;

  // `pattern` is like "/v1/repos/{host}/{owner}/{name}": braces stand for any one part of a path.
  // Of two patterns that match, the one added first is taken.  `needed` is what who asks must have.
  void Add(std::string method, const std::string& pattern, ControlAccess needed, Handler handler);
  // The same for what is answered at once.
  void AddSimple(std::string method, const std::string& pattern, ControlAccess needed,
                 Answerer answerer);

  // Has the request answered: 404 if there is no such resource, 405 if it does not understand the
  // method, 403 if `access` does not suffice.
  void Handle(const HttpRequest& request, ControlAccess access,
              const HttpServer::Reply& reply) const;

  // All that was added, as "GET /v1/status".
  std::vector<std::string> Resources() const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> pattern_parts;
    ControlAccess needed;
    Handler handler;
  };

  std::vector<Route> routes_;
};

}  // namespace reposfs
