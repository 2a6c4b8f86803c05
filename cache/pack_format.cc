#include "cache/pack_format.h"

#include <endian.h>

#include <cassert>
#include <cstring>

namespace reposfs {
namespace {

constexpr std::string_view kMagic = "PACK";
constexpr std::uint32_t kVersion = 2;

}  // namespace

std::uint32_t BigEndian32(const char* bytes) {
  std::uint32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return be32toh(value);
}

void AppendBigEndian32(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

ObjectType ObjectTypeOf(PackEntryType type) {
  switch (type) {
    case PackEntryType::kCommit:
      return ObjectType::kCommit;
    case PackEntryType::kTree:
      return ObjectType::kTree;
    case PackEntryType::kTag:
      return ObjectType::kTag;
    default:
      assert(type == PackEntryType::kBlob);
      return ObjectType::kBlob;
  }
}

PackEntryType PackEntryTypeOf(ObjectType type) {
  switch (type) {
    case ObjectType::kCommit:
      return PackEntryType::kCommit;
    case ObjectType::kTree:
      return PackEntryType::kTree;
    case ObjectType::kTag:
      return PackEntryType::kTag;
    case ObjectType::kBlob:
      break;
  }
  return PackEntryType::kBlob;
}

Result<std::uint32_t> ParsePackHeader(std::string_view bytes) {
  assert(bytes.size() >= kPackHeaderSize);
  if (!bytes.starts_with(kMagic)) return Error{Errc::kCorrupt, "not a pack"};
  const std::uint32_t version = BigEndian32(bytes.data() + 4);
  if (version != kVersion) {
    return Error{Errc::kUnsupported, "a pack of version " + std::to_string(version)};
  }
  return BigEndian32(bytes.data() + 8);
}

std::string PackHeader(std::uint32_t entry_count) {
  std::string header(kMagic);
  AppendBigEndian32(header, kVersion);
  AppendBigEndian32(header, entry_count);
  return header;
}

std::string PackEntryHeaderBytes(ObjectType type, std::uint64_t size_bytes) {
  std::string bytes;
  std::uint64_t rest = size_bytes >> 4;
  auto byte = static_cast<std::uint8_t>(static_cast<unsigned>(PackEntryTypeOf(type)) << 4 |
                                        (size_bytes & 15));
  while (rest != 0) {
    bytes += static_cast<char>(byte | 0x80);
    byte = rest & 0x7f;
    rest >>= 7;
  }
  bytes += static_cast<char>(byte);
  return bytes;
}

}  // namespace reposfs
