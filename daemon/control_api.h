// What the commands ask the daemon: JSON about the cache, and changes to it.
//
// deploy/openapi.json describes every resource; a test compares the two, so a resource is added in
// both places.
//
// Thread-safety: Handle() and SetHttpAddress() may be called from any thread.
#pragma once

#include <string>

#include "cache/repository_cache.h"
#include "daemon/daemon_status.h"
#include "daemon/http_server.h"
#include "daemon/lock_resources.h"
#include "daemon/repository_resources.h"
#include "daemon/router.h"
#include "daemon/waiting_room.h"

namespace reposfs {

class ControlApi {
 public:
  // `cache` must outlive it.
  ControlApi(RepositoryCache& cache, DaemonFacts facts);
  ControlApi(const ControlApi&) = delete;
  ControlApi& operator=(const ControlApi&) = delete;

  void Handle(const HttpRequest& request, ControlAccess access,
              const HttpServer::Reply& reply) const {
    router_.Handle(request, access, reply);
  }

  // Shown in the status.
  void SetHttpAddress(std::string address) { status_.SetHttpAddress(std::move(address)); }

  // Every resource there is, as "GET /v1/status".
  std::vector<std::string> Resources() const { return router_.Resources(); }

 private:
  void AddAboutItself();
  void AddJobs();

  RepositoryCache& cache_;
  const DaemonFacts facts_;
  WaitingRoom waiting_;
  DaemonStatus status_;
  RepositoryResources repositories_;
  LockResources locks_;
  Router router_;
};

}  // namespace reposfs
