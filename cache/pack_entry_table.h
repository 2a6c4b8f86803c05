// What an indexer knows of each entry of a pack, in the order of their offsets.
//
// Grows as entries arrive, not as the pack's header promises, and never moves an entry: one thread
// appends while others work on what it has handed to them.
//
// Thread-safety: Append() by one thread; an entry may be used by whoever was told of it.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "cache/object.h"
#include "cache/oid.h"
#include "cache/pack_entry.h"

namespace reposfs {

struct PackEntry {
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  std::uint64_t offset = 0;
  std::uint64_t end = 0;  // Where the next one, or the trailer, begins.
  std::uint64_t size_bytes =
      0;  // Of the object, once it is resolved; of a delta until then, its own.
  std::uint32_t crc32 = 0;
  std::uint32_t base = kNone;          // A delta's, once it is known.
  std::uint32_t first_child = kNone;   // Deltas that wait for this entry to be resolved.
  std::uint32_t next_sibling = kNone;  // In the list of its base.
  Oid oid;  // Once it is resolved; of a kReferenceDelta until then, its base's.
  PackEntryType packed_as = PackEntryType::kBlob;
  ObjectType type = ObjectType::kBlob;  // Once it is resolved.
  bool resolved = false;

  bool IsDelta() const {
    return packed_as == PackEntryType::kOffsetDelta || packed_as == PackEntryType::kReferenceDelta;
  }
};

class PackEntryTable {
 public:
  explicit PackEntryTable(std::uint32_t count_max) : chunks_(count_max / kChunkSize + 1) {}

  std::uint32_t count() const { return count_; }
  PackEntry& at(std::uint32_t index) { return chunks_[index / kChunkSize][index % kChunkSize]; }
  const PackEntry& at(std::uint32_t index) const {
    return chunks_[index / kChunkSize][index % kChunkSize];
  }

  // REQUIRES: count() < count_max.
  std::uint32_t Append(const PackEntry& entry) {
    assert(count_ / kChunkSize < chunks_.size());
    if (count_ % kChunkSize == 0) {
      chunks_[count_ / kChunkSize] = std::make_unique<PackEntry[]>(kChunkSize);
    }
    at(count_) = entry;
    return count_++;
  }

 private:
  static constexpr std::uint32_t kChunkSize = 1024;

  std::vector<std::unique_ptr<PackEntry[]>> chunks_;
  std::uint32_t count_ = 0;
};

}  // namespace reposfs
