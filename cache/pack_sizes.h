// The inflated sizes of the objects of a pack, in a file of our own beside it.
//
// A pack says how large an object is where its entry begins and, if that is a delta, only within
// the compressed delta.  `.git/index` and the first `ls -l` of each directory want it of every
// file: for the kernel that is to inflate 700 MB of deltas, where this file has 450 kB.
//
//   pack-<hash>.sizes, all numbers with their high byte first:
//     4 bytes   "\377rsz"
//     4 bytes   version, 1
//     20 bytes  the checksum of the pack, as its index has it
//     4 bytes   for each object, in the order of the index: its size, or kUnknown
//     4 bytes   CRC-32 of all before
//
// Nothing depends on it: where it is missing, damaged, or of another pack, sizes are read from the
// pack, and maintenance makes it again.  git never sees it.
//
// Thread-safety: immutable after Open(); any thread may read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "cache/oid.h"
#include "cache/pack_index.h"

namespace reposfs {

class Pack;

constexpr std::string_view kPackSizesSuffix = ".sizes";

class PackSizes {
 public:
  // Errors: kNotFound; kCorrupt if it is damaged or not of the pack that `index` is of.
  static Result<PackSizes> Open(const std::filesystem::path& path, const PackIndex& index);

  // Nothing: the pack knows.  REQUIRES: position < object_count() of the index.
  std::optional<std::uint64_t> At(std::uint32_t position) const;

 private:
  explicit PackSizes(MappedFile file) : file_(std::move(file)) {}

  MappedFile file_;
};

// Whether the file is worth its place: not where there are few objects, which are soon read, and
// not where it is more than a hundredth of the pack.
bool WorthPackSizes(std::uint32_t object_count, std::uint64_t pack_size_bytes);

// `sizes_bytes` in the order of the index.  Replaces what is there.
Status WritePackSizes(const std::filesystem::path& path,
                      const std::vector<std::uint64_t>& sizes_bytes, const Oid& pack_checksum);

// Reads the size of every object of `pack`.  `keep_going` is called now and then; a failure ends
// it. Errors: those of Pack::ReadSize() and `keep_going`.
Result<std::vector<std::uint64_t>> ReadAllSizes(const Pack& pack,
                                                const std::function<Status()>& keep_going);

}  // namespace reposfs
