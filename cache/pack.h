// One pack, open for reading.
//
// Entries are read with pread() and inflated into place.  The pack is not mapped: a bad sector is
// then an error of one read, where a mapping would end the process.
//
// Thread-safety: immutable after Open(); any number of threads may read at the same time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cache/base_cache.h"
#include "cache/object.h"
#include "cache/oid.h"
#include "cache/pack_entry.h"
#include "cache/pack_index.h"
#include "cache/pack_sizes.h"

namespace reposfs {

class Pack;
using PackPtr = std::shared_ptr<const Pack>;

class Pack {
 public:
  // An object is inflated whole, in memory; one that is larger is refused.
  static constexpr std::uint64_t kObjectSizeMaxBytes = 1ull << 30;
  // git makes chains of at most 4,095 deltas.
  static constexpr std::size_t kDeltaCountMax = 20'000;

  // `directory`/`stem`.pack and .idx.  Errors: kNotFound; kCorrupt.
  static Result<PackPtr> Open(const std::filesystem::path& directory, const std::string& stem);

  const std::string& stem() const { return stem_; }
  const PackIndex& index() const { return index_; }

  // The object whose entry begins at `offset`.
  //
  // Errors: kCorrupt; kIo; kUnsupported if it, or what it is a delta against, is larger than
  // kObjectSizeMaxBytes.
  Result<Object> Read(std::uint64_t offset, BaseCache& bases) const;

  // How large the object is that index() has at `position`.  Follows no chain and makes no object:
  // at most its own delta is inflated.  Errors: kCorrupt; kIo.
  Result<std::uint64_t> ReadSize(std::uint32_t position) const;

  // Whether ReadSize() reads nothing from the pack, and whether it should.
  bool has_sizes() const { return sizes_.has_value(); }
  bool lacks_sizes() const { return !sizes_ && WorthPackSizes(index_.object_count(), size_bytes_); }

 private:
  struct Entry {
    std::uint64_t offset;
    PackEntryHeader header;
  };

  Pack(std::string stem, UniqueFd file, std::uint64_t size_bytes, PackIndex index,
       std::optional<PackSizes> sizes);

  Result<Entry> ReadEntry(std::uint64_t offset) const;
  Result<std::uint64_t> BaseOf(const Entry& entry) const;
  Result<std::string> InflateEntry(const Entry& entry) const;
  Result<std::string> ApplyEntry(std::string_view base, const Entry& entry) const;
  // Up to `count` bytes at `offset`, less only at the end of the entries.  Valid until this thread
  // reads from a pack again.
  Result<std::string_view> ReadAt(std::uint64_t offset, std::uint64_t count) const;
  Error At(std::uint64_t offset, Errc code, std::string_view what) const;

  const std::uint64_t id_;  // Of no other pack, ever.
  const std::string stem_;
  const UniqueFd file_;
  const std::uint64_t size_bytes_;  // Without the checksum at its end.
  const PackIndex index_;
  const std::optional<PackSizes> sizes_;
};

}  // namespace reposfs
