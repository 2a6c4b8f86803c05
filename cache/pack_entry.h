// The header of one entry of a pack.
//
// Source of the format: git's Documentation/gitformat-pack.txt.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "cache/oid.h"

namespace reposfs {

enum class PackEntryType : std::uint8_t {
  kCommit = 1,
  kTree = 2,
  kBlob = 3,
  kTag = 4,
  kOffsetDelta = 6,     // Against an entry further ahead in the same pack.
  kReferenceDelta = 7,  // Against an object that is named.
};

struct PackEntryHeader {
  PackEntryType type;
  std::uint64_t size_bytes;       // Inflated: of the object or, if it is one, of the delta.
  std::uint64_t base_offset = 0;  // kOffsetDelta: in the pack.
  Oid base;                       // kReferenceDelta.
  std::size_t header_bytes = 0;   // The zlib stream begins behind them.

  bool IsDelta() const {
    return type == PackEntryType::kOffsetDelta || type == PackEntryType::kReferenceDelta;
  }
};

// No header is longer.
inline constexpr std::size_t kPackEntryHeaderMaxBytes = 32;

// Parses the entry at `offset` of a pack, of which `bytes` are the next ones.  Errors: kCorrupt.
Result<PackEntryHeader> ParsePackEntryHeader(std::string_view bytes, std::uint64_t offset);

}  // namespace reposfs
