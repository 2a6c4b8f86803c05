// The resources /v1/repos and below: what is known of a repository, and changes to it.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/flight.h"
#include "base/mutex.h"
#include "cache/repository_cache.h"
#include "daemon/router.h"
#include "daemon/waiting_room.h"

namespace reposfs {

// The key of a path's host, owner and name, in the spelling that the cache uses.
// Errors: kInvalidArgument.
Result<RepositoryKey> KeyOfParts(const RepositoryCache& cache,
                                 const std::vector<std::string>& parts);

class RepositoryResources {
 public:
  // `cache` and `waiting` must outlive this, and this every request that `router` handles.
  RepositoryResources(RepositoryCache& cache, WaitingRoom& waiting, std::string mountpoint)
      : cache_(cache), waiting_(waiting), mountpoint_(std::move(mountpoint)) {}

  void AddTo(Router& router);

 private:
  // A warming that a user asked for.
  struct Warming {
    FlightPtr flight;
    WallTime failed_at{};
    std::optional<Error> error;
  };

  HttpResponse List() const;
  HttpResponse Show(const RepositoryKey& key) REPOSFS_EXCLUDES(mutex_);
  enum class InsightsForm { kJson, kPage };
  HttpResponse Insights(const RepositoryKey& key, InsightsForm form);
  HttpResponse Warm(const RepositoryKey& key, const std::string& body) REPOSFS_EXCLUDES(mutex_);
  // Answer when the host has: `refresh`, and `pin` of what is not known yet.
  void Refresh(const RepositoryKey& key, const HttpServer::Reply& reply);
  void Pin(const RepositoryKey& key, const HttpServer::Reply& reply);
  HttpResponse SetPinned(const RepositoryKey& key, bool pinned);
  HttpResponse Evict(const RepositoryKey& key);
  // Answers with what `then` makes of it once `flight` has landed well.
  void AnswerWhenLanded(const RepositoryKey& key, const FlightPtr& flight,
                        const HttpServer::Reply& reply, std::function<HttpResponse()> then);

  RepositoryCache& cache_;
  WaitingRoom& waiting_;
  const std::string mountpoint_;

  Mutex mutex_;  // A leaf lock.
  std::map<std::string, Warming> warmings_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
