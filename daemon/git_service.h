// Serves what the cache holds to git clients, over smart HTTP, at /HOST/OWNER/NAME.git.
//
// The address is a cache in front of the hosts that are configured: a repository that is not here
// is fetched first, and one that is old is checked, as when somebody walks into it on the mount. So
// other nodes of a ring are served, and any git client (`git config url.NODE.insteadOf`).  Nothing
// can be written.
//
//   access --> resolve --> refs: answered at once
//                |
//                +--> bundle: a place --> upload (cache/upload_pack.h)
//                +--> fetch: parse --> provide --> a place --> upload
//                                       |  ^
//                                       +--+ a flight has landed
//
// Requests that wait hold no thread.  What is bounded: requests under way, bytes of their bodies,
// uploads at a time and waiting for a place, and of each its git process's memory and time.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/thread_pool.h"
#include "cache/repository_cache.h"
#include "cache/upload_pack.h"
#include "daemon/git_request.h"
#include "daemon/http_server.h"
#include "fs/parking_lot.h"

namespace reposfs {

class GitService {
 public:
  // Of a request after inflating, and of all of them.
  static constexpr std::size_t kBodyMaxBytes = 32u << 20;
  static constexpr std::size_t kBodiesMaxBytes = 128u << 20;
  static constexpr int kRequestCountMax = 512;
  static constexpr int kUploadQueueMax = 128;

  enum class Access {
    kNobody,
    kToken,  // Who shows `token`.
    kAnyone,
  };

  struct Options {
    Access access = Access::kNobody;
    std::string token;
    std::string node_id;            // Told to clients; may be empty.
    std::filesystem::path scratch;  // A directory of the cache for what does not outlive a request.
    UploadLimits limits;
  };

  // `cache` must outlive this object.
  GitService(RepositoryCache& cache, Options options);
  // Ends every upload; requests that wait are never answered.  What serves must have ended before.
  ~GitService();
  GitService(const GitService&) = delete;
  GitService& operator=(const GitService&) = delete;

  // REQUIRES: IsGitPath(request.path).
  void Handle(HttpRequest& request, HttpServer::Reply reply);

  // How large a body the request may have: more only for who may fetch.
  std::size_t BodyMaxBytes(const HttpRequest& head) const;

 private:
  class Exchange;

  // Nothing if who asks may be served.
  std::optional<HttpResponse> Refusal(const HttpRequest& request) const;
  bool MayBeServed(const HttpRequest& request) const;

  RepositoryCache& cache_;
  const Options options_;

  std::atomic<bool> stopping_{false};
  // Counts that order nothing else, so relaxed.
  std::atomic<int> request_count_{0};
  std::atomic<int> upload_count_{0};  // Under way, or waiting for a place.
  std::atomic<std::size_t> bodies_bytes_{0};
  std::atomic<std::uint64_t> next_scratch_{0};

  ThreadPool answering_{"git-answer", 2};
  ParkingLot parked_;
  ThreadPool uploading_;
};

}  // namespace reposfs
