// Talks to the daemon that serves a cache: HTTP with JSON over <cache>/control.sock.
//
// The API, as far as this program uses it.  Times are ISO-8601 UTC ("2026-01-02T03:04:05Z") or
// null; {key} is host/owner/name, each part percent-encoded.
//
//   GET  /v1/status             version, pid, startedAt, uptimeSeconds, mountpoint, cacheDirectory,
//                               configFile, quotaBytes, usedBytes, repositories (a number),
//                               httpListen, ioEngine, nodes, parkedRequests,
//                               fuse: {protocol, features}, processes: [{name, jobs}],
//                               hosts: [{host, running, queued, heldSeconds, requestsLeft}],
//                               fetching: [{key, kind, receivedBytes, objects, objectsTotal,
//                                           startedAt, attempts}],
//                               problems: [{key or host, error, code, at}]
//   GET  /v1/repos              [{key, upstream, stage, bytes, lastOpened, opens, pinned, head,
//                                 lastChecked, lastChanged, error}]
//   GET  /v1/repos/{key}        one of these, with path, defaultBranch, nextCheck, nextCheckReason,
//                               staleSeconds,
//                               errorAt, progress: {kind, receivedBytes, objects, objectsTotal},
//                               jobs: [as below], evictions: [{at, reason, bytes, for}];
//                               404 if never heard of
//   GET  /v1/repos/{key}/insights        as deploy/insights.schema.json says; 404 if not here yet
//   GET  /v1/repos/{key}/insights.html   the same as a page
//   POST /v1/repos/{key}/warm   {"stage": tip, content or complete} -> 202 {key, stage, target}
//   POST /v1/repos/{key}/refresh, /pin, /unpin, /evict -> 200 {key, ...}
//   GET  /v1/evictions          [{at, key, reason, bytes, for}]
//   GET  /v1/jobs               [{id, key, kind, state, priority, attempts, notBefore, owner,
//                                 lastError}]; state is queued, running or failed
//   POST /v1/jobs/{id}/retry, /cancel -> 200 {id, state}; 404 if it runs or does not exist
//
//   GET  /healthz, /readyz      {status, version}
//   POST /bake                  {"url": ...} -> 200 the insights, or 202 {key, stage, repository,
//                               insights}; see daemon/bake.h
//
// A failure is a status of 400 or more with {"error": "<why, and what to do>", "code": "<Errc>"}.
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
