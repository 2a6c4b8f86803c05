// The nodes that the kernel knows, by inode number.
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) A node is here exactly as long as the kernel holds lookups of it that were not forgotten.
//   (2) No two nodes here share a number.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "fs/node.h"

namespace reposfs {

class NodeTable {
 public:
  // `root` is never forgotten.
  explicit NodeTable(NodePtr root);

  // Null if the kernel asks for what it was told to forget.
  NodePtr Find(std::uint64_t ino) const REPOSFS_EXCLUDES(mutex_);

  // Counts one lookup of `node`, or of the same node if it is here already; returns the one that is
  // here.  If another node has its number, it gets a number that is free.
  NodePtr Remember(NodePtr node) REPOSFS_EXCLUDES(mutex_);

  // Takes `count` lookups back.
  void Forget(std::uint64_t ino, std::uint64_t count) REPOSFS_EXCLUDES(mutex_);

  // Those that keep a file of `repository` open.
  std::vector<NodePtr> HeldFiles(const Repository& repository) const REPOSFS_EXCLUDES(mutex_);

  std::size_t size() const REPOSFS_EXCLUDES(mutex_);

 private:
  struct Slot {
    NodePtr node;
    std::uint64_t lookup_count;
  };

  const NodePtr root_;

  mutable Mutex mutex_;  // A leaf lock.
  std::unordered_map<std::uint64_t, Slot> slots_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
