// Parsed trees, the ones read last.
//
// A large directory is listed in many small requests; parsing its tree for each would be quadratic.
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) At most `entry_count_max` entries are kept, except for one directory that is larger alone.
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

 private:
  struct Slot {
    Key key;
    DirectoryPtr directory;
  };

  const std::size_t entry_count_max_;

  Mutex mutex_;  // A leaf lock.
  std::list<Slot> recent_first_ REPOSFS_GUARDED_BY(mutex_);
  std::map<Key, std::list<Slot>::iterator> by_key_ REPOSFS_GUARDED_BY(mutex_);
  std::size_t entry_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
};

}  // namespace reposfs
