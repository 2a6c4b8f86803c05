// Objects that others of the same pack are deltas against, the ones used last.
//
// Deltas come in chains.  Whoever reads one object after another of a directory meets the same
// bases again and again; without this, reading a chain would take time quadratic in its length.
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) What is kept takes at most `capacity_bytes`, what the list itself needs not counted.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include "base/mutex.h"
#include "cache/object.h"

namespace reposfs {

class BaseCache {
 public:
  using ObjectPtr = std::shared_ptr<const Object>;

  // Which pack, by any number that no other open pack has, and where in it.
  struct Key {
    std::uint64_t pack;
    std::uint64_t offset;
    bool operator==(const Key&) const = default;
  };

  // The one that all repositories share: 16 MiB.
  static BaseCache& OfProcess();

  explicit BaseCache(std::uint64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  // Null if it is not here.
  ObjectPtr Get(const Key& key) REPOSFS_EXCLUDES(mutex_);
  // An object larger than a quarter of the capacity is not kept.
  void Put(const Key& key, ObjectPtr object) REPOSFS_EXCLUDES(mutex_);
  // Drops everything unless something was asked for since the last call.
  void DropUnused() REPOSFS_EXCLUDES(mutex_);

 private:
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return (key.pack * 0x9e3779b97f4a7c15u) ^ (key.offset * 0xff51afd7ed558ccdu);
    }
  };
  struct Slot {
    Key key;
    ObjectPtr object;
  };
  using Slots = std::list<Slot>;

  const std::uint64_t capacity_bytes_;

  Mutex mutex_;  // A leaf lock.
  Slots recent_first_ REPOSFS_GUARDED_BY(mutex_);
  std::unordered_map<Key, Slots::iterator, KeyHash> by_key_ REPOSFS_GUARDED_BY(mutex_);
  std::uint64_t size_bytes_ REPOSFS_GUARDED_BY(mutex_) = 0;
  bool used_ REPOSFS_GUARDED_BY(mutex_) = false;  // Since the last DropUnused().
};

}  // namespace reposfs
