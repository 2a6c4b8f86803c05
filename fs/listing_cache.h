// The listings that were begun last, so that a large directory, which the kernel reads in many
// pieces, is listed once.
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) At most kListingCountMax listings are kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "base/mutex.h"
#include "fs/node.h"

namespace reposfs {

class ListingCache {
 public:
  static constexpr std::size_t kListingCountMax = 32;

  // The listing of directory `ino` that was begun, or null.
  ListingPtr Get(std::uint64_t ino) REPOSFS_EXCLUDES(mutex_);
  // Keeps `listing`, and lets go of the one that was begun longest ago if there are too many.
  void Put(std::uint64_t ino, ListingPtr listing) REPOSFS_EXCLUDES(mutex_);
  // The listing has been read to its end.
  void Drop(std::uint64_t ino) REPOSFS_EXCLUDES(mutex_);

 private:
  Mutex mutex_;  // A leaf lock.
  std::deque<std::pair<std::uint64_t, ListingPtr>> recent_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
