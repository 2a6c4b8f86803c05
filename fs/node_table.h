// The nodes that the kernel knows, by inode number.
//
// The kernel may know millions, so what each costs is counted.  On a 64-bit machine, in bytes:
//
//   a file         96 on the heap (fs/tree_nodes.cc: 72, and 16 of make_shared, and malloc's own)
//   a directory   112
//   its slot here  21 to 43: 16 for the pointer, and the table is three eighths to three quarters
//                  full
//
// which is 120 for the average node; beside it the kernel itself keeps about 1,000 for each.
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) A node is here exactly as long as the kernel holds lookups of it that were not forgotten.
//   (2) No two nodes here share a number.
//   (3) slots_ is a power of two and at most three quarters full; between a node and the place that
//       its number hashes to there is no empty slot.
#pragma once

#include <cstdint>
#include <unordered_set>
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
  std::size_t PlaceOf(std::uint64_t ino) const REPOSFS_REQUIRES(mutex_);
  // The slot of `ino`, or the empty one where it would be.
  std::size_t SlotOf(std::uint64_t ino) const REPOSFS_REQUIRES(mutex_);
  NodePtr TakeOutLocked(std::size_t slot) REPOSFS_REQUIRES(mutex_);
  void ResizeLocked(std::size_t slot_count) REPOSFS_REQUIRES(mutex_);

  const NodePtr root_;
  // Odd and of this process alone: whoever chooses names of files must not choose their places.
  const std::uint64_t secret_;

  mutable Mutex mutex_;                                    // A leaf lock.
  std::vector<NodePtr> slots_ REPOSFS_GUARDED_BY(mutex_);  // Open addressing, linear probing.
  int slot_bits_ REPOSFS_GUARDED_BY(mutex_);               // slots_.size() == 1 << slot_bits_
  std::size_t size_ REPOSFS_GUARDED_BY(mutex_) = 0;
  // Those that keep a file open are few, and asked for at each eviction.
  std::unordered_set<std::uint64_t> held_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
