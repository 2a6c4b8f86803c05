// Makes packs byte by byte: also those that git would never make.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cache/file_checksum.h"
#include "cache/inflate.h"
#include "cache/pack_format.h"

namespace reposfs {

inline std::string RawBytes(const Oid& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), Oid::kSize};
}

// Instructions of a delta.
inline std::string DeltaSize(std::uint64_t size) {
  std::string bytes;
  for (; size >= 0x80; size >>= 7) bytes += static_cast<char>(size | 0x80);
  return bytes + static_cast<char>(size);
}
inline std::string Copy(std::uint32_t offset, std::uint32_t size) {
  std::string bytes(1, '\xff');
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(offset >> shift);
  for (int shift = 0; shift < 24; shift += 8) bytes += static_cast<char>(size >> shift);
  return bytes;
}
// REQUIRES: 1 to 127 bytes.
inline std::string Insert(std::string_view bytes) {
  return static_cast<char>(bytes.size()) + std::string(bytes);
}
inline std::string Delta(std::uint64_t base_size, std::uint64_t result_size,
                         std::string_view instructions) {
  return DeltaSize(base_size) + DeltaSize(result_size) + std::string(instructions);
}

class PackBuilder {
 public:
  // Each returns the offset of the new entry.
  std::size_t Object(ObjectType type, std::string_view content) {
    return Entry(PackEntryHeaderBytes(type, content.size()), Deflate(content));
  }
  std::size_t OffsetDelta(std::size_t base, std::string_view delta) {
    std::size_t distance = body_.size() + kPackHeaderSize - base;
    std::string bytes(1, static_cast<char>(distance & 0x7f));
    while ((distance >>= 7) != 0) bytes.insert(0, 1, static_cast<char>(--distance | 0x80));
    return Entry(DeltaHeader(6, delta.size()) + bytes, Deflate(delta));
  }
  std::size_t RefDelta(const Oid& base, std::string_view delta) {
    return Entry(DeltaHeader(7, delta.size()) + RawBytes(base), Deflate(delta));
  }
  std::size_t Entry(std::string_view header, std::string_view stream) {
    const std::size_t offset = kPackHeaderSize + body_.size();
    body_ += header;
    body_ += stream;
    ++count_;
    return offset;
  }

  std::string Build() const { return Build(count_); }
  std::string Build(std::uint32_t announced_count) const {
    return WithChecksum(PackHeader(announced_count) + body_);
  }

  static std::string WithChecksum(const std::string& bytes) {
    FileChecksum checksum;
    checksum.Add(bytes);
    return bytes + RawBytes(checksum.Finish());
  }

  // The header of a blob is a delta's but for the kind.
  static std::string DeltaHeader(int kind, std::uint64_t size) {
    std::string bytes = PackEntryHeaderBytes(ObjectType::kBlob, size);
    bytes[0] = static_cast<char>((bytes[0] & 0x8f) | kind << 4);
    return bytes;
  }

 private:
  std::string body_;
  std::uint32_t count_ = 0;
};

}  // namespace reposfs
