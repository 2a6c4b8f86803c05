#include "cache/pack_entry.h"

namespace reposfs {
namespace {

constexpr std::uint8_t kMore = 0x80;

Error Malformed(std::uint64_t offset) {
  return Error{Errc::kCorrupt, "malformed pack entry at offset " + std::to_string(offset)};
}

std::uint8_t At(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}

// Reads how far back the base of an offset delta is; 0 if the bytes end before it does, or it is
// too large.
std::uint64_t ParseDistance(std::string_view bytes, std::size_t& position) {
  std::uint64_t distance = 0;
  for (int i = 0; i < 9 && position < bytes.size(); ++i) {
    const std::uint8_t byte = At(bytes, position++);
    distance = (distance << 7) | (byte & ~kMore);
    if ((byte & kMore) == 0) return distance;
    ++distance;
  }
  return 0;
}

}  // namespace

Result<PackEntryHeader> ParsePackEntryHeader(std::string_view bytes, std::uint64_t offset) {
  if (bytes.empty()) return Malformed(offset);
  std::size_t position = 0;
  std::uint8_t byte = At(bytes, position++);
  PackEntryHeader header{static_cast<PackEntryType>((byte >> 4) & 7), byte & 0x0fu, 0, {}, 0};
  for (unsigned shift = 4; (byte & kMore) != 0; shift += 7) {
    if (position == bytes.size() || shift > 53) return Malformed(offset);
    byte = At(bytes, position++);
    header.size_bytes |= static_cast<std::uint64_t>(byte & ~kMore) << shift;
  }
  switch (header.type) {
    case PackEntryType::kCommit:
    case PackEntryType::kTree:
    case PackEntryType::kBlob:
    case PackEntryType::kTag:
      break;
    case PackEntryType::kOffsetDelta: {
      const std::uint64_t distance = ParseDistance(bytes, position);
      if (distance == 0 || distance > offset) return Malformed(offset);
      header.base_offset = offset - distance;
      break;
    }
    case PackEntryType::kReferenceDelta:
      if (bytes.size() - position < Oid::kSize) return Malformed(offset);
      header.base = Oid::FromRaw(bytes.data() + position);
      position += Oid::kSize;
      break;
    default:
      return Malformed(offset);
  }
  header.header_bytes = position;
  return header;
}

}  // namespace reposfs
