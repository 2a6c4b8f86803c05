// The resources /v1/repos and below: what is known of a repository, and changes to it.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/flight.h"
#include "base/mutex.h"
#include "cache/repository_cache.h"
#include "daemon/router.h"

namespace reposfs {

class RepositoryResources {
 public:
  // `cache` must outlive this, and this every request that `router` handles.
  RepositoryResources(RepositoryCache& cache, std::string mountpoint)
      : cache_(cache), mountpoint_(std::move(mountpoint)) {}

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
  // `what`: "insights" as JSON, "insights.html" as a page.
  HttpResponse Insights(const RepositoryKey& key, const std::string& what);
  HttpResponse Warm(const RepositoryKey& key, const std::string& body) REPOSFS_EXCLUDES(mutex_);
  HttpResponse Change(const RepositoryKey& key, const std::string& action);
  // Of a path's host, owner and name.
  Result<RepositoryKey> KeyOf(const std::vector<std::string>& parts) const;

  RepositoryCache& cache_;
  const std::string mountpoint_;

  Mutex mutex_;  // A leaf lock.
  std::map<std::string, Warming> warmings_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
