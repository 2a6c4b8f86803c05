// Keeps the cache under its quota.
//
// Every transfer reports here how much it has received; room is made for it while it grows.
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) A transfer of a repository that would not fit even alone is refused, and evicts nobody.
//   (2) A transfer that is refused leaves the account as it was.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "cache/eviction.h"
#include "cache/options.h"
#include "cache/repository.h"
#include "cache/transport.h"

namespace reposfs {

class RoomKeeper {
 public:
  struct Callbacks {
    std::function<std::vector<RepositoryPtr>()> repositories;
    // What they have on the disk together.  Asked for many times a second.
    std::function<std::uint64_t()> stored_bytes;
    std::function<bool(const Repository&)> is_pinned;
    std::function<Status(const RepositoryPtr&, const std::string& reason,
                         const std::string& for_key)>
        evict;
    // Bytes that were evicted and will be free soon.
    std::function<std::uint64_t()> trash_bytes;
  };

  RoomKeeper(const CacheOptions& options, const Clock& clock, Callbacks callbacks);

  enum class Claim {
    kOthersMayGo,  // What is received stays, so room is made for it.
    kOnlyMyself,   // It will be replaced soon; it only must not exceed the quota alone.
  };

  // What one transfer takes, from its beginning to its end.
  class Account {
   public:
    Account(RoomKeeper& keeper, RepositoryPtr repository, Claim claim);
    ~Account();
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    // The transfer holds `progress.received_bytes` now.  Errors: kNoSpace, with what to do.
    Status Grow(const FetchProgress& progress);

   private:
    RoomKeeper& keeper_;
    const RepositoryPtr repository_;
    const Claim claim_;
  };

  std::uint64_t quota_bytes() const;
  std::uint64_t used_bytes() const REPOSFS_EXCLUDES(mutex_);

  // Whether `bytes` more fit without evicting anybody.
  bool HasRoomFor(std::uint64_t bytes) const { return used_bytes() + bytes <= quota_bytes(); }

  // Words for it if the disk is so full that less than the quota can be used.
  std::optional<std::string> DiskFull() const;

  // Whether Trim() has anything to do: while there are transfers, they see to it themselves.
  bool NeedsTrim() const REPOSFS_EXCLUDES(mutex_);
  // Evicts until the cache is under its quota, which may have become smaller.
  Status Trim();

 private:
  Status Admit(const RepositoryPtr& repository, const FetchProgress& progress, Claim claim);
  // Makes room if more than `limit_bytes` are used.
  Status MakeRoom(std::uint64_t limit_bytes, const std::string& for_key);
  // Sets `surprised` if somebody has begun to use a victim meanwhile; planning again helps.
  Status EvictOnce(std::uint64_t used, const std::string& for_key, bool& surprised);

  const CacheOptions options_;
  const Clock& clock_;
  const Callbacks callbacks_;

  Mutex evicting_;  // One eviction at a time; taken before all others.

  mutable Mutex mutex_;  // A leaf lock.
  std::map<const Account*, std::uint64_t> in_flight_bytes_ REPOSFS_GUARDED_BY(mutex_);
  std::uint64_t in_flight_sum_bytes_ REPOSFS_GUARDED_BY(mutex_) = 0;
};

}  // namespace reposfs
