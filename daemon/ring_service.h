// This node's part in a ring: who else is in it, where repositories come from, and that they are
// kept where they belong.
//
//   made --Start()--> members are known --Keep(cache)--> repositories are looked after
//
// A worker's part ends with the members: it fetches from them, and the mount looks after the rest.
//
// Peers ask it over HTTP (with the ring's secret, see daemon/git_service.h):
//   GET  /v1/ring/holdings/{epoch}/{revision}   ring/holdings.h
//   POST /v1/ring/news {"node": ID}             there is something new on that node
//
// Thread-safety: origin() and Handle() may be used from any thread between Keep() and
// Stop().
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/config.h"
#include "daemon/ring_keeper.h"
#include "daemon/ring_origin.h"
#include "daemon/ring_setup.h"
#include "daemon/router.h"
#include "ring/membership.h"

namespace reposfs {

class RingService {
 public:
  // Null without ring.enabled.  `locks`: those of the whole ring; null if it has none.  `clock` and
  // `locks` must outlive it.
  // Errors: those of MakeMembership(), and of reading ring.tokenFile.
  static Result<std::unique_ptr<RingService>> Make(const Config& config, RingRole role,
                                                   LockService* locks, const Clock& clock);
  ~RingService();  // Stop()
  RingService(const RingService&) = delete;
  RingService& operator=(const RingService&) = delete;

  // Starts the membership, and waits a little until it knows the members: a node that does not
  // would ask the git host for everything.
  void Start();
  // Looks after what `cache`, which must outlive Stop(), holds.
  void Keep(RepositoryCache& cache);
  void Stop();

  const Origin& origin() const { return origin_; }
  std::shared_ptr<const RingView> view() const { return membership_->view(); }
  // REQUIRES: Keep() has been called.
  RingWork work() const { return keeper_->work(); }

  // Whether `path`, not decoded, is for Handle().
  static bool IsForPeers(std::string_view path);
  // REQUIRES: Keep() has been called.
  void Handle(const HttpRequest& request, ControlAccess access,
              const HttpServer::Reply& reply) const {
    router_.Handle(request, access, reply);
  }

 private:
  // `token`: the ring's secret; empty: none.
  RingService(const Config& config, std::unique_ptr<Membership> membership, LockService* locks,
              const std::string& token);

  HttpResponse TellHoldings(const RoutedRequest& call) const;
  HttpResponse TakeNews(const RoutedRequest& call);

  const std::unique_ptr<Membership> membership_;
  const RingKeeperOptions keeper_options_;
  RingOrigin origin_;
  Router router_;
  std::unique_ptr<RingKeeper> keeper_;
  // keeper_ as soon as it may be told of changes: set once, with release order.
  std::atomic<RingKeeper*> listening_{nullptr};
};

}  // namespace reposfs
