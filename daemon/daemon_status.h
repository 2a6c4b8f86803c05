// What `GET /v1/status` says: what is mounted, running and wrong.
//
// Thread-safety: Json() may be called from any thread.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/lock_backend.h"
#include "base/mutex.h"
#include "cache/repository_cache.h"
#include "daemon/ring_resources.h"
#include "fs/session.h"

namespace reposfs {

// What only the daemon as a whole knows.
struct DaemonFacts {
  std::string mountpoint;
  std::string config_file;
  std::map<std::string, HostOptions> hosts;  // As in Config.
  std::string io_engine;                     // What reads and writes, and why not io_uring.
  std::function<std::size_t()> node_count;
  std::function<std::size_t()> parked_count;
  std::function<KernelAgreement()> kernel_agreement;
  std::function<Result<std::vector<LockRecord>>()> locks;  // May ask another machine.
  CurrentRing ring;                                        // Empty without one; so is the next.
  CurrentRingWork ring_work;
};

class DaemonStatus {
 public:
  // Both must outlive the status.
  DaemonStatus(const RepositoryCache& cache, const DaemonFacts& facts)
      : cache_(cache), facts_(facts), started_at_(cache.clock().Now()) {}

  void SetHttpAddress(std::string address) REPOSFS_EXCLUDES(mutex_);

  nlohmann::ordered_json Json() const REPOSFS_EXCLUDES(mutex_);

 private:
  nlohmann::ordered_json FetchingJson() const;
  nlohmann::ordered_json ProblemsJson() const;
  // What is pinned and wrong, or can't be fetched, but for what ProblemsJson() tells already.
  nlohmann::ordered_json PinProblemsJson() const;
  nlohmann::ordered_json HostsJson() const;
  std::string http_address() const REPOSFS_EXCLUDES(mutex_);

  const RepositoryCache& cache_;
  const DaemonFacts& facts_;
  const WallTime started_at_;

  mutable Mutex mutex_;  // A leaf lock.
  std::string http_address_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
