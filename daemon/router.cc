#include "daemon/router.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/text.h"
#include "daemon/http_answer.h"

namespace reposfs {
namespace {

std::vector<std::string> PartsOf(std::string_view path) {
  std::vector<std::string> parts;
  for (const std::string_view part : Split(path, '/')) {
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

// What the braces of `pattern` stand for in `path`, or nothing if it is another path.
std::optional<std::vector<std::string>> Match(const std::vector<std::string>& pattern,
                                              const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::vector<std::string> found;
  for (std::size_t i = 0; i < path.size(); ++i) {
    // Decoded after the path was taken apart, so that %2F does not move the borders.
    std::string part = PercentDecode(path[i]);
    if (pattern[i].starts_with('{')) {
      found.push_back(std::move(part));
    } else if (part != pattern[i]) {
      return std::nullopt;
    }
  }
  return found;
}

Error Refusal(ControlAccess needed) {
  if (needed == ControlAccess::kFull) {
    return {Errc::kAccessDenied, "changes are made over the control socket only"};
  }
  return {Errc::kAccessDenied,
          "other machines show the secret of ring.tokenFile, as Authorization: Bearer SECRET"};
}

HttpResponse NotUnderstood(const std::string& methods) {
  return Answer({{"error", "this resource understands " + methods + " only"},
                 {"code", ErrcName(Errc::kUnsupported)}},
                405);
}

}  // namespace

void Router::Add(std::string method, const std::string& pattern, ControlAccess needed,
                 Handler handler) {
  routes_.push_back(
      Route{std::move(method), pattern, PartsOf(pattern), needed, std::move(handler)});
}

void Router::AddSimple(std::string method, const std::string& pattern, ControlAccess needed,
                       Answerer answerer) {
  Add(std::move(method), pattern, needed,
      [answerer = std::move(answerer)](const RoutedRequest& call, const HttpServer::Reply& reply) {
        reply(answerer(call));
      });
}

void Router::Handle(const HttpRequest& request, ControlAccess access,
                    const HttpServer::Reply& reply) const {
  const std::vector<std::string> path = PartsOf(request.path);
  std::string methods;
  for (const Route& route : routes_) {
    auto parts = Match(route.pattern_parts, path);
    if (!parts) continue;
    if (route.method != request.method) {
      methods += (methods.empty() ? "" : " and ") + route.method;
      continue;
    }
    if (route.needed > access) return reply(Failure(Refusal(route.needed)));
    return route.handler(RoutedRequest{request, std::move(*parts)}, reply);
  }
  reply(methods.empty() ? Failure({Errc::kNotFound, "no such resource"}) : NotUnderstood(methods));
}

std::vector<std::string> Router::Resources() const {
  std::vector<std::string> resources;
  resources.reserve(routes_.size());
  for (const Route& route : routes_) resources.push_back(route.method + " " + route.pattern);
  return resources;
}

}  // namespace reposfs
