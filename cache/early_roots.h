// Commits that are known before the pack that brings them is whole.
//
// To list the root of a repository takes its commit and one tree, which come first in a pack; the
// rest of a large tip takes ten times as long.  Who waits for a commit waits here, beside those who
// wait for all of the tip.
//
//   Await() --> awaited --Found()--> found <--Found()--
//                  |                   |
//                  +-------------------+--the tip lands--> forgotten; who still waits is told
//
// Thread-safety: every method may be called from any thread.  It must outlive the flights that it
// is given.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "base/flight.h"
#include "base/mutex.h"
#include "cache/object_store.h"
#include "cache/oid.h"

namespace reposfs {

class EarlyRoots {
 public:
  // Repository, and the commit or the tag of one that is fetched: one tip.
  using Key = std::pair<std::int64_t, Oid>;

  // Returns a flight that lands when `key` is found, or with `tip`, which brings all of it.
  FlightPtr Await(const Key& key, const FlightPtr& tip) REPOSFS_EXCLUDES(mutex_);

  // `commit` is what `key` leads to, until `tip` lands.  Who waits will ask for its root tree next.
  void Found(const Key& key, const Commit& commit, const FlightPtr& tip) REPOSFS_EXCLUDES(mutex_);

  std::optional<Commit> Find(const Key& key) const REPOSFS_EXCLUDES(mutex_);

 private:
  struct Entry {
    FlightPtr flight;
    std::optional<Commit> commit;
  };

  void Forget(const Key& key, const FlightPtr& flight) REPOSFS_EXCLUDES(mutex_);

  mutable Mutex mutex_;  // A leaf lock: flights land without it.
  std::map<Key, Entry> entries_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
