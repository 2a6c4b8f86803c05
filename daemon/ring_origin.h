// The Origin of a node of a ring: a repository's owners first, then the git host.
//
// Only one node asks the git host what is new: the first owner that answers.  The other owners ask
// those before them, and nodes that own nothing of a repository ask any owner.  So no two nodes
// wait for each other, as long as they agree who is in the ring; when they do not, ring.timeout
// ends it, and where the ring has locks (etcd), owners fetch from the host under that of the
// repository.  Objects have names that never change, so they may come from whoever has them: nodes
// that are not before this one are asked for what is on their disks only.
//
//   this node is    refs from                                   objects from
//   an owner        owners before it, host                      the same; other holders' disks
//   before the host none            owners, host                                the same
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/lock_service.h"
#include "base/mutex.h"
#include "cache/origin.h"
#include "ring/membership.h"

namespace reposfs {

struct RingOriginOptions {
  std::string token;  // Shown to peers; empty: none.
  HttpTlsOptions tls;
  // How long a peer may stay silent before the next source is asked.
  milliseconds timeout = std::chrono::seconds(2);
  // Of what moves between nodes in the background; 0: no limit.
  std::uint64_t bandwidth_bytes_per_second = 0;
};

class RingOrigin final : public Origin {
 public:
  // `membership`, and `locks` if it is not null, must outlive it.  `locks` are those of the ring.
  RingOrigin(UpstreamOrigin upstream, Membership& membership, LockService* locks,
             RingOriginOptions options)
      : upstream_(std::move(upstream)),
        membership_(membership),
        locks_(locks),
        options_(std::move(options)) {}

  std::vector<std::string> Hosts() const override { return upstream_.Hosts(); }
  std::optional<HostOptions> HostOf(const std::string& host) const override {
    return upstream_.HostOf(host);
  }
  std::vector<Source> SourcesOf(const RepositoryKey& key, Wanted wanted) const override
      REPOSFS_EXCLUDES(mutex_);
  void NoteAnswer(const Source& source, const Status& answer, milliseconds took) const override
      REPOSFS_EXCLUDES(mutex_);
  Result<HostTurn> AwaitHostTurn(const RepositoryKey& key,
                                 const std::function<Status()>& keep_going) const override;
  std::optional<milliseconds> HedgeAfter(const Source& source) const override {
    return membership_.HedgeDelay(source.peer->node);
  }
  Status MayWait(const Source& source, milliseconds silent_for) const override
      REPOSFS_EXCLUDES(mutex_);

  bool Keeps(const RepositoryKey& key) const override;
  std::vector<RepositoryKey> KnownElsewhere() const override REPOSFS_EXCLUDES(mutex_);
  std::uint64_t known_version() const override { return known_version_; }

  // Which nodes have what on their disks.
  using Holders = std::map<RepositoryKey, std::vector<std::string>>;
  void SetHolders(Holders holders) REPOSFS_EXCLUDES(mutex_);
  // What comes of `key` from peers now comes within the bandwidth of background moves, and what
  // they remember of its refs is believed; or no more.
  void SetMoving(const RepositoryKey& key, bool moving) REPOSFS_EXCLUDES(mutex_);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  enum class Ask { kAnything, kDiskOnly };

  // Appends those of `nodes` that answer, those first that have not failed lately.
  void Append(const RingView& view, const std::vector<MemberIndex>& nodes, const RepositoryKey& key,
              Ask ask, std::vector<Source>& sources) const REPOSFS_EXCLUDES(mutex_);
  Source PeerSource(const RingView& view, MemberIndex index, const RepositoryKey& key,
                    Ask ask) const REPOSFS_EXCLUDES(mutex_);
  std::vector<MemberIndex> HoldersOf(const RingView& view, const RepositoryKey& key) const
      REPOSFS_EXCLUDES(mutex_);

  const UpstreamOrigin upstream_;
  Membership& membership_;
  LockService* const locks_;
  const RingOriginOptions options_;

  std::atomic<std::uint64_t> known_version_{0};

  mutable Mutex mutex_;  // A leaf lock.
  Holders holders_ REPOSFS_GUARDED_BY(mutex_);
  std::set<RepositoryKey> moving_ REPOSFS_GUARDED_BY(mutex_);
  // When the silence of a node was last told.
  mutable std::map<std::string, SteadyTime> doubted_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
