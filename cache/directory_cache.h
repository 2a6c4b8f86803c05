// Parsed trees, the ones read last.
//
// A large directory is listed in many small requests; parsing its tree for each would be quadratic.
// So large ones are kept apart: what is read beside them does not push them out.
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) At most `entry_count_max` entries of small directories are kept.
//   (2) Of large ones, each with more than half as many, at most kLargeFactor times as many entries
//       are kept; or one directory that is larger alone.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "cache/oid.h"
#include "cache/tree.h"

namespace reposfs {

struct Directory {
  std::vector<TreeEntry> entries;  // In the order of their names' bytes.
  // Parallel to `entries`: the size of each blob, 0 for the rest.  Empty: not known yet.
  std::vector<std::uint64_t> sizes_bytes;

  bool has_sizes() const { return sizes_bytes.size() == entries.size(); }
  // Null if there is none.
  const TreeEntry* Find(std::string_view name) const;
};

using DirectoryPtr = std::shared_ptr<const Directory>;

class DirectoryCache {
 public:
  using Key = std::pair<std::int64_t, Oid>;  // Repository and tree.

  explicit DirectoryCache(std::size_t entry_count_max) : entry_count_max_(entry_count_max) {}

  DirectoryPtr Get(const Key& key) REPOSFS_EXCLUDES(mutex_);
  void Put(const Key& key, DirectoryPtr directory) REPOSFS_EXCLUDES(mutex_);

  // Drops what was neither asked for nor put since the last call.
  void DropUnused() REPOSFS_EXCLUDES(mutex_);

 private:
  static constexpr std::size_t kLargeFactor = 4;

  struct Slot {
    Key key;
    DirectoryPtr directory;
    bool used = true;  // Since the last DropUnused().
  };
  using Slots = std::list<Slot>;
  struct Shelf {
    Slots recent_first;
    std::size_t entry_count = 0;
  };

  // What a directory takes of the limit: itself counts, too.
  static std::size_t Weight(const Directory& directory) { return directory.entries.size() + 1; }
  Shelf& ShelfOf(const Directory& directory) REPOSFS_REQUIRES(mutex_);
  // Moves `slot` to `dropped`, for the caller to destroy after it has released the lock.
  void TakeOutLocked(Slots::iterator slot, Slots& dropped) REPOSFS_REQUIRES(mutex_);

  const std::size_t entry_count_max_;

  Mutex mutex_;  // A leaf lock.
  Shelf small_ REPOSFS_GUARDED_BY(mutex_);
  Shelf large_ REPOSFS_GUARDED_BY(mutex_);
  std::map<Key, Slots::iterator> by_key_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
