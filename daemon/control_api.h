// What the commands ask the daemon: JSON about the cache, and changes to it.
//
// The interface is described where it is used, in daemon/control_client.h.
//
// Thread-safety: Handle() may be called from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/flight.h"
#include "base/mutex.h"
#include "cache/repository_cache.h"
#include "daemon/http_server.h"
#include "fs/session.h"

namespace reposfs {

// Who may do what.
enum class ControlAccess {
  kReadOnly,  // Anybody who reaches the HTTP address.
  kFull,      // Who may use the Unix socket.
};

class ControlApi {
 public:
  // What only the daemon as a whole knows.
  struct Facts {
    std::string mountpoint;
    std::string config_file;
    std::map<std::string, HostOptions> hosts;  // As in Config.
    std::string io_engine;                     // What reads and writes, and why not io_uring.
    std::function<std::size_t()> node_count;
    std::function<std::size_t()> parked_count;
    std::function<KernelAgreement()> kernel_agreement;
  };

  ControlApi(RepositoryCache& cache, Facts facts);

  void Handle(const HttpRequest& request, ControlAccess access, const HttpServer::Reply& reply);

  // Shown in the status.
  void SetHttpAddress(std::string address) REPOSFS_EXCLUDES(mutex_);

 private:
  // A warming that a user asked for.
  struct Warming {
    FlightPtr flight;
    WallTime failed_at{};
    std::optional<Error> error;
  };

  HttpResponse AnswerTo(const HttpRequest& request, ControlAccess access);
  HttpResponse HandleGet(const std::vector<std::string>& path);
  HttpResponse HandlePost(const std::vector<std::string>& path, const std::string& body);
  HttpResponse ChangeJob(const std::string& id, const std::string& action);
  HttpResponse Show(const RepositoryKey& key) REPOSFS_EXCLUDES(mutex_);
  // `what`: "insights" as JSON, "insights.html" as a page.
  HttpResponse Insights(const RepositoryKey& key, const std::string& what);
  HttpResponse Warm(const RepositoryKey& key, const std::string& body) REPOSFS_EXCLUDES(mutex_);
  HttpResponse Change(const RepositoryKey& key, const std::string& action);

  nlohmann::ordered_json StatusJson() const;
  nlohmann::ordered_json RepositoryJson(const Repository& repository) const;
  nlohmann::ordered_json JobsJson(const std::string& key) const;
  nlohmann::ordered_json EvictionsJson(const std::string& key) const;
  nlohmann::ordered_json ProblemsJson() const;
  nlohmann::ordered_json HostsJson() const;
  Result<RepositoryKey> KeyOf(const std::vector<std::string>& path) const;

  RepositoryCache& cache_;
  const Facts facts_;
  const WallTime started_at_;

  mutable Mutex mutex_;  // A leaf lock.
  std::string http_address_ REPOSFS_GUARDED_BY(mutex_);
  std::map<std::string, Warming> warmings_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
