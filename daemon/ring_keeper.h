// Keeps the repositories of a ring where they belong, on the side of one node.
//
// A thread asks the other nodes what they have (what has changed since the last time), and does
// what MakeRingPlan() says: it copies from them what this node owns and has not, a few at a time
// and within the bandwidth for moves, and lets go of what it does not own any more.  When something
// of its own has changed, it tells the other owners, who then ask at once.
//
//   membership, news, time --> ask peers --> plan --> copies (Copy() of the cache)
//                                             |
//                                             +-----> releases (Evict() of the cache)
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) At most kCopiesAtOnceMax copies are under way.
//   (2) Nothing is evicted to make room for a copy.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/flight.h"
#include "base/mutex.h"
#include "cache/repository_cache.h"
#include "daemon/ring_origin.h"
#include "ring/http_call.h"
#include "ring/membership.h"
#include "ring/ring_plan.h"

namespace reposfs {

struct RingKeeperOptions {
  std::string token;  // Shown to peers; empty: none.
  HttpTlsOptions tls;
  // How often each peer is asked if nobody says that there is news.
  milliseconds interval = std::chrono::seconds(30);
  milliseconds timeout = std::chrono::seconds(2);
};

class RingKeeper {
 public:
  static constexpr std::size_t kCopiesAtOnceMax = 4;

  // All must outlive it.
  RingKeeper(RepositoryCache& cache, RingOrigin& origin, Membership& membership,
             RingKeeperOptions options);
  ~RingKeeper();  // Stop()
  RingKeeper(const RingKeeper&) = delete;
  RingKeeper& operator=(const RingKeeper&) = delete;

  void Start();
  void Stop() REPOSFS_EXCLUDES(mutex_);

  // To be called after each change of the members or of their health; does not block.
  void RingChanged(const RingView& before, const RingView& after) REPOSFS_EXCLUDES(mutex_);

  // A peer says that it has something new.
  void NoteNews(const std::string& node) REPOSFS_EXCLUDES(mutex_);

  // What this node has that has changed after `revision` of `epoch`; everything if it knows no such
  // epoch.
  HoldingsPage HoldingsSince(const std::string& epoch, std::int64_t revision) const;

  RingWork work() const REPOSFS_EXCLUDES(mutex_);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  struct Peer {
    std::string epoch;
    std::int64_t revision = 0;
    SteadyTime ask_at{};  // The epoch: at once.
  };
  struct Failure {
    int count = 0;
    SteadyTime again_at{};
  };

  void Run() REPOSFS_EXCLUDES(mutex_);
  // Each returns whether anything has changed.
  bool AskPeers(const RingView& view) REPOSFS_EXCLUDES(mutex_);
  bool AskPeer(const Member& member) REPOSFS_EXCLUDES(mutex_);
  bool TakeLanded() REPOSFS_EXCLUDES(mutex_);

  // Looks again at what this node has.
  bool UpdateMine();
  void TellOthers(const RingView& view);
  void Act(const RingView& view) REPOSFS_EXCLUDES(mutex_);
  void StartCopies(const std::vector<RingCopy>& copies) REPOSFS_EXCLUDES(mutex_);
  void Release(const RingRelease& release) REPOSFS_EXCLUDES(mutex_);
  bool HasRoomFor(const RingCopy& copy) const;
  RingOrigin::Holders HoldersKnown() const;

  HttpCall CallTo(const Member& member, const std::string& path) const;

  RepositoryCache& cache_;
  RingOrigin& origin_;
  Membership& membership_;
  const RingKeeperOptions options_;
  const std::string epoch_;

  HttpCaller caller_;

  // Of the keeper's own thread.
  std::map<std::string, Peer, std::less<>> peers_;  // By id.
  PeerHoldings theirs_;
  Holdings mine_;
  std::int64_t revision_ = -1;               // Of mine_.
  std::map<std::string, Failure> failures_;  // By key.
  Holdings told_;                            // By key: what others have been told of.

  mutable Mutex mutex_;  // A leaf lock.
  CondVar woken_;
  bool stopping_ REPOSFS_GUARDED_BY(mutex_) = false;
  bool ring_changed_ REPOSFS_GUARDED_BY(mutex_) = false;
  std::set<std::string> news_ REPOSFS_GUARDED_BY(mutex_);     // Ids of nodes that have some.
  std::set<std::string> leaving_ REPOSFS_GUARDED_BY(mutex_);  // Keys.
  std::map<std::string, FlightPtr> copying_ REPOSFS_GUARDED_BY(mutex_);  // By key.
  std::size_t waiting_count_ REPOSFS_GUARDED_BY(mutex_) = 0;

  std::thread thread_;
};

}  // namespace reposfs
