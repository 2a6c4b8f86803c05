// Talks to the daemon that serves a cache: HTTP with JSON over <cache>/control.sock.
//
// deploy/openapi.json describes the API; a failure is a status of 400 or more with {"error": "<why,
// and what to do>", "code": "<Errc>"}.
//
// Thread-safety: none; one client belongs to one thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reposfs {

class ControlClient {
 public:
  // Connects at the first request, not here.  An answer is waited for at most `timeout`.
  explicit ControlClient(std::filesystem::path cache_directory,
                         std::chrono::seconds timeout = std::chrono::minutes(1));
  ~ControlClient();

  // Both block until the daemon has answered.
  //
  // Errors: kUnreachable if no daemon serves the cache; kAccessDenied if this user may not ask it;
  // kTimedOut; kIo if the answer makes no sense; else the daemon's own, with its words.
  Result<nlohmann::json> Get(const std::string& target);
  Result<nlohmann::json> Post(const std::string& target, const nlohmann::json& body);

 private:
  struct Connection;
  enum class Method { kGet, kPost };
  Result<nlohmann::json> Request(Method method, const std::string& target, const std::string& body);

  const std::filesystem::path cache_directory_;
  const std::chrono::seconds timeout_;
  std::unique_ptr<Connection> connection_;
};

// "/v1/repos/github.com/git/git", percent-encoded; `action` as in "/warm" is added at the end.
std::string RepoTarget(std::string_view key, std::string_view action = "");

}  // namespace reposfs
