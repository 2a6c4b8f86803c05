// The objects of one repository that are on this machine's disk: a directory of packs.
//
// The packs are read by our own code (cache/pack.h), not by libgit2: that inflates with zlib, which
// was half of all time of a cold `tar`, and takes a lock for each read.
//
// Reading never goes to the network and never blocks on anything but the disk.
//
// Thread-safety: every method may be called from any thread; no lock is held while a pack is read.
//
// Invariants:
//   (1) A read that began after Refresh() returned sees every pack that was there when it was
//   called.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "cache/base_cache.h"
#include "cache/object.h"
#include "cache/oid.h"
#include "cache/pack.h"

namespace reposfs {

struct Commit {
  Oid tree;
  std::int64_t committer_time_s;  // Since the epoch.
};

using Content = std::shared_ptr<const std::string>;

class ObjectStore {
 public:
  // `objects` is a git `objects` directory; it need not exist yet.
  explicit ObjectStore(const std::filesystem::path& objects) : objects_(objects.string()) {}
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;

  // Errors of all reads: kNotFound if the object is not here, kCorrupt if it can't be read,
  // kUnsupported if it is larger than Pack::kObjectSizeMaxBytes.
  Result<Object> Read(const Oid& id) const;
  Result<Content> ReadBlob(const Oid& id) const;
  Result<Commit> ReadCommit(const Oid& id) const;
  bool Contains(const Oid& id) const;

  // The sizes of `blobs`, in their order.  Errors: kNotFound if any is not here.
  Result<std::vector<std::uint64_t>> ReadSizes(const std::vector<Oid>& blobs) const;

  // Whether a pack has no file of sizes that should have one (cache/pack_sizes.h).
  bool LacksSizes() const;

  // Those of `ids` that are not here.
  std::vector<Oid> Missing(const std::vector<Oid>& ids) const;

  // The only object whose id begins with `hex` (4..40 digits).  Errors: kNotFound;
  // kInvalidArgument if several do.
  Result<Oid> ExpandPrefix(std::string_view hex) const;

  // Lets go of the packs, which gives the space of those that were deleted back; the next read
  // opens what is there then.
  void Refresh() REPOSFS_EXCLUDES(mutex_);

 private:
  // The packs of one moment.
  using Packs = std::vector<PackPtr>;
  using PacksPtr = std::shared_ptr<const Packs>;

  // Where an object is.
  struct Place {
    PackPtr pack;                // Null: not here.
    std::uint32_t position = 0;  // In its index.
  };

  // Those that are open, or else opens all that are there.  A damaged one is left out, and its
  // objects are missing.
  PacksPtr OpenPacks() const REPOSFS_EXCLUDES(mutex_);
  static Place Find(const Packs& packs, const Oid& id);

  const std::string objects_;  // As text, which is a tenth of a std::filesystem::path.

  mutable Mutex mutex_;  // A leaf lock: nothing is read while it is held.
  mutable PacksPtr packs_ REPOSFS_GUARDED_BY(mutex_);  // Null: not open.
  std::uint64_t generation_ REPOSFS_GUARDED_BY(mutex_) = 0;
};

// Parses what this program needs of a commit object.  Errors: kCorrupt.
Result<Commit> ParseCommit(std::string_view content);

}  // namespace reposfs
