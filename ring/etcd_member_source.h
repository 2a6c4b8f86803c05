// Members that announce themselves in etcd.
//
// Each node keeps `<prefix>/members/<id>` = {"address": ..., "weight": ...} under a lease that it
// renews, and reads all keys of that kind: on each renewal, and as soon as one changes.
//
//   * etcd is down, or has lost its data: the last list stays; when it is back, the node announces
//     itself again.
//   * Another node announces itself under the same id: the one that came last has it, the other
//     leaves it alone and says so.
//   * An entry that makes no sense is left out, and named.
//
// Stop() leaves the key to its lease: a node that is started again finds its place unchanged.
//
// Thread-safety: Start() and Stop() by the owner.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "ring/etcd_client.h"
#include "ring/member_source.h"

namespace reposfs {

struct EtcdMemberSourceOptions {
  EtcdOptions etcd;
  std::string prefix = "/reposfs";
  // What this node announces; nothing if it only watches.
  std::optional<Member> self{};
  std::chrono::seconds lease_ttl{15};
};

class EtcdMemberSource final : public MemberSource {
 public:
  // REQUIRES: CheckMembers({*options.self}), lease_ttl >= 2 s.
  explicit EtcdMemberSource(EtcdMemberSourceOptions options);
  ~EtcdMemberSource() override;  // Stop()

  void Start(Listener listener) override;
  void Stop() override REPOSFS_EXCLUDES(mutex_);

 private:
  // What etcd says, with what is wrong in it.
  struct Found {
    std::vector<Member> members;
    std::string complaint;
    std::int64_t revision = 0;
    bool announced = false;  // This node's own key, under its lease.
    bool taken = false;      // Its key is another node's.

    bool SaysTheSameAs(const Found& other) const {
      return members == other.members && complaint == other.complaint;
    }
  };

  void Run() REPOSFS_EXCLUDES(mutex_);
  // From announcing to the first change, or until the lease wants to be renewed.
  Status Round(Deadline deadline);
  Status KeepAnnounced(Deadline deadline);
  Status KeepLease(Deadline deadline);
  Status Announce(Deadline deadline);
  Result<Found> Read(Deadline deadline);
  void ReadEntry(const EtcdKeyValue& entry, Found& found) const;
  void Tell(const Found& found);
  void Pause(std::chrono::milliseconds time) REPOSFS_EXCLUDES(mutex_);

  const EtcdMemberSourceOptions options_;
  const std::string members_prefix_;
  EtcdClient client_;
  Listener listener_;  // Constant after Start().

  // Of the thread only.
  std::int64_t lease_ = 0;  // 0: none.
  bool announced_ = false;  // Since it has this lease.
  std::optional<Found> told_;
  std::string told_error_;

  Mutex mutex_;  // A leaf lock.
  CondVar stop_;
  bool stopping_ REPOSFS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace reposfs
