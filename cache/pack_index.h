// The index of one pack: which objects it has, and where.
//
// Source of the format: git's Documentation/gitformat-pack.txt, version 2.
//
// Thread-safety: immutable after Open(); any thread may read.
//
// Invariants:
//   (1) No content of the file makes a read go out of its bounds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/mapped_file.h"
#include "base/result.h"
#include "cache/oid.h"

namespace reposfs {

class PackIndex {
 public:
  // Errors: kNotFound; kCorrupt if it is not the index of a pack.
  static Result<PackIndex> Open(const std::filesystem::path& path);

  std::uint32_t object_count() const { return object_count_; }

  // The last 20 bytes of the pack.
  Oid pack_checksum() const;

  // Which of the objects, in the order of their ids, `id` is.
  std::optional<std::uint32_t> Find(const Oid& id) const;

  struct Range {
    std::uint32_t begin;
    std::uint32_t end;
  };
  // The objects, in the order of their ids, whose ids begin with `hex` (1..40 digits).
  Range WithPrefix(std::string_view hex) const;
  Oid IdAt(std::uint32_t position) const;  // REQUIRES: position < object_count().
  // Where in the pack its entry begins; if the index is damaged, behind the end of any pack.
  // REQUIRES: position < object_count().
  std::uint64_t OffsetAt(std::uint32_t position) const;

 private:
  PackIndex(MappedFile file, std::uint32_t object_count)
      : file_(std::move(file)), object_count_(object_count) {}

  std::uint32_t NumberAt(std::size_t position) const;
  // The first object whose id is not less than `id`.
  std::uint32_t LowerBound(const Oid& id) const;

  MappedFile file_;
  std::uint32_t object_count_;
};

}  // namespace reposfs
