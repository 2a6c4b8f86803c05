// Inflated blobs while they are being read in pieces.
//
// The kernel asks for a file in pieces and keeps the pages itself, so a blob is needed here from
// its first piece to its last and hardly ever again.  BlobCache inflates it once, however many
// threads ask at the same time, and lets go of it when all pieces have been read.  A large blob
// goes through an unlinked file instead of staying in memory.
//
// Thread-safety: every method may be called from any thread.  No lock is held while a blob is
// loaded.
//
// Invariants:
//   (1) The blobs kept in memory take at most `memory_max_bytes`; at most kSpilledCountMax are
//   files. (2) At most one load of a blob is in progress at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "cache/object_store.h"
#include "cache/oid.h"

namespace reposfs {

// The bytes of a blob, in memory or in a file.  Immutable.
class BlobData {
 public:
  explicit BlobData(Content content) : content_(std::move(content)), size_(content_->size()) {}
  BlobData(UniqueFd file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

  std::uint64_t size_bytes() const { return size_; }
  bool in_memory() const { return content_ != nullptr; }
  const Content& content() const { return content_; }  // REQUIRES: in_memory().
  int fd() const { return file_.get(); }               // REQUIRES: !in_memory().

 private:
  Content content_;
  UniqueFd file_;
  std::uint64_t size_;
};

using BlobDataPtr = std::shared_ptr<const BlobData>;

class BlobCache {
 public:
  static constexpr std::uint64_t kSpillBytes = 16u << 20;
  static constexpr std::size_t kSpilledCountMax = 32;

  using Key = std::pair<std::uint64_t, Oid>;  // Repository or view, and object.
  using Load = std::function<Result<Content>()>;

  // Large blobs are spilled into `scratch`, a directory on the cache's own file system.
  BlobCache(std::uint64_t memory_max_bytes, std::filesystem::path scratch)
      : memory_max_bytes_(memory_max_bytes), scratch_(std::move(scratch)) {}

  // What is kept, or null.
  BlobDataPtr Peek(const Key& key) REPOSFS_EXCLUDES(mutex_);

  // What is kept, or else what `load` returns.  Blocks for as long as a load takes.
  // Errors: those of `load`, which are not remembered; kNoSpace and kIo of spilling.
  Result<BlobDataPtr> Get(const Key& key, const Load& load) REPOSFS_EXCLUDES(mutex_);

  // `size_bytes` of the blob have been handed out.  Once all of it has been, in whatever order, a
  // blob in memory is dropped.
  void NoteRead(const Key& key, std::uint64_t size_bytes) REPOSFS_EXCLUDES(mutex_);

  // Drops what was neither asked for nor loaded since the last call.
  void DropUnused() REPOSFS_EXCLUDES(mutex_);

  std::uint64_t memory_bytes() const REPOSFS_EXCLUDES(mutex_);

 private:
  struct Slot {
    Key key;
    BlobDataPtr data;
    std::uint64_t read_bytes = 0;
    bool used = true;  // Since the last DropUnused().
  };
  using Slots = std::list<Slot>;

  Result<BlobDataPtr> LoadNow(const Load& load) const;
  void KeepLocked(const Key& key, BlobDataPtr data, Slots& dropped) REPOSFS_REQUIRES(mutex_);
  void DropLocked(Slots::iterator slot, Slots& dropped) REPOSFS_REQUIRES(mutex_);

  const std::uint64_t memory_max_bytes_;
  const std::filesystem::path scratch_;

  mutable Mutex mutex_;  // A leaf lock.
  CondVar loaded_;
  Slots recent_first_ REPOSFS_GUARDED_BY(mutex_);
  std::map<Key, Slots::iterator> by_key_ REPOSFS_GUARDED_BY(mutex_);
  std::map<Key, int> loading_ REPOSFS_GUARDED_BY(mutex_);
  std::uint64_t memory_bytes_ REPOSFS_GUARDED_BY(mutex_) = 0;
  std::size_t spilled_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
};

}  // namespace reposfs
