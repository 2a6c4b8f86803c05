// The objects of one repository that are on this machine's disk.
//
// A thin face of libgit2's object database over a directory of packs.  libgit2 holds a lock while
// it reads, so each concurrent reader gets a database handle of its own from a small pool; a shared
// one does not scale (measured: 1.0x on two cores against 1.9x).
//
// Reading never goes to the network and never blocks on anything but the disk.
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) A handle is used by one thread at a time.
//   (2) A read that began after Refresh() returned sees every pack that was there when it was
//   called.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "cache/oid.h"

namespace reposfs {

enum class ObjectType : std::uint8_t { kCommit, kTree, kBlob, kTag };

struct Object {
  ObjectType type;
  std::string content;
};

struct ObjectHeader {
  ObjectType type;
  std::uint64_t size_bytes;
};

struct Commit {
  Oid tree;
  std::int64_t committer_time_s;  // Since the epoch.
};

using Content = std::shared_ptr<const std::string>;

class ObjectStore {
 public:
  // A blob is inflated whole, in memory; one that is larger is refused with kUnsupported.
  static constexpr std::uint64_t kBlobSizeMaxBytes = 1ull << 30;

  // `objects` is a git `objects` directory; it need not exist yet.
  explicit ObjectStore(std::filesystem::path objects);
  ~ObjectStore();
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;

  // Errors of all reads: kNotFound if the object is not here, kCorrupt if it can't be read.
  Result<Object> Read(const Oid& id) const;
  Result<Content> ReadBlob(const Oid& id) const;
  Result<ObjectHeader> ReadHeader(const Oid& id) const;
  Result<Commit> ReadCommit(const Oid& id) const;
  bool Contains(const Oid& id) const;

  // The sizes of `blobs`, in their order, by one handle.  Errors: kNotFound if any is not here.
  Result<std::vector<std::uint64_t>> ReadSizes(const std::vector<Oid>& blobs) const;

  // Those of `ids` that are not here.
  std::vector<Oid> Missing(const std::vector<Oid>& ids) const;

  // The only object whose id begins with `hex` (4..40 digits).  Errors: kNotFound;
  // kInvalidArgument if several do.
  Result<Oid> ExpandPrefix(std::string_view hex) const;

  // Makes packs visible that have come since, and lets go of those that have gone, so that they
  // give their space back.
  void Refresh() REPOSFS_EXCLUDES(mutex_);

  // Closes the handles that nobody uses now; the next read opens one again.
  void CloseIdle() REPOSFS_EXCLUDES(mutex_);

 private:
  struct Handle;
  class Lease;

  Result<Lease> Borrow() const REPOSFS_EXCLUDES(mutex_);
  void GiveBack(std::unique_ptr<Handle> handle) const REPOSFS_EXCLUDES(mutex_);

  const std::filesystem::path objects_;

  mutable Mutex mutex_;  // A leaf lock: libgit2 is never called while it is held.
  mutable std::vector<std::unique_ptr<Handle>> idle_ REPOSFS_GUARDED_BY(mutex_);
  std::uint64_t generation_ REPOSFS_GUARDED_BY(mutex_) = 0;
};

// Parses what this program needs of a commit object.  Errors: kCorrupt.
Result<Commit> ParseCommit(std::string_view content);

}  // namespace reposfs
