#include "cache/delta.h"

#include <optional>

namespace reposfs {
namespace {

constexpr std::uint8_t kMore = 0x80;  // In a size: another byte follows.
constexpr std::uint8_t kCopy = 0x80;  // In an instruction: copy, do not insert.
constexpr std::size_t kCopySizeWhenZero = 0x10000;

Error Malformed() {
  return Error{Errc::kCorrupt, "malformed delta"};
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool at_end() const { return position_ == bytes_.size(); }
  std::size_t position() const { return position_; }

  std::optional<std::uint8_t> Byte() {
    if (at_end()) return std::nullopt;
    return static_cast<std::uint8_t>(bytes_[position_++]);
  }

  std::optional<std::uint64_t> Size() {
    std::uint64_t size = 0;
    for (unsigned shift = 0; shift < 63; shift += 7) {
      const auto byte = Byte();
      if (!byte) return std::nullopt;
      size |= static_cast<std::uint64_t>(*byte & ~kMore) << shift;
      if ((*byte & kMore) == 0) return size;
    }
    return std::nullopt;
  }

  // The little-endian number of which only the bytes named by the low bits of `present` are here.
  std::optional<std::size_t> Sparse(unsigned present, unsigned byte_count) {
    std::size_t value = 0;
    for (unsigned i = 0; i < byte_count; ++i) {
      if ((present & (1u << i)) == 0) continue;
      const auto byte = Byte();
      if (!byte) return std::nullopt;
      value |= static_cast<std::size_t>(*byte) << (8 * i);
    }
    return value;
  }

  std::optional<std::string_view> Bytes(std::size_t count) {
    if (count > bytes_.size() - position_) return std::nullopt;
    const std::string_view taken = bytes_.substr(position_, count);
    position_ += count;
    return taken;
  }

 private:
  const std::string_view bytes_;
  std::size_t position_ = 0;
};

// The bytes that the next instruction adds.
std::optional<std::string_view> NextPiece(std::string_view base, Reader& delta) {
  const auto instruction = delta.Byte();
  if (!instruction || *instruction == 0) return std::nullopt;
  if ((*instruction & kCopy) == 0) return delta.Bytes(*instruction);
  const auto offset = delta.Sparse(*instruction & 0x0f, 4);
  const auto size = delta.Sparse((*instruction >> 4) & 0x07, 3);
  if (!offset || !size) return std::nullopt;
  const std::size_t count = *size == 0 ? kCopySizeWhenZero : *size;
  if (*offset > base.size() || count > base.size() - *offset) return std::nullopt;
  return base.substr(*offset, count);
}

}  // namespace

Result<DeltaSizes> ParseDeltaSizes(std::string_view delta) {
  Reader reader(delta);
  const auto base = reader.Size();
  const auto result = reader.Size();
  if (!base || !result) return Malformed();
  return DeltaSizes{*base, *result, reader.position()};
}

Result<std::string> ApplyDelta(std::string_view base, std::string_view delta) {
  const auto sizes = ParseDeltaSizes(delta);
  if (!sizes) return sizes.error();
  if (sizes->base_bytes != base.size()) return Malformed();
  std::string result;
  result.reserve(sizes->result_bytes);
  Reader reader(delta.substr(sizes->header_bytes));
  while (!reader.at_end()) {
    const auto piece = NextPiece(base, reader);
    if (!piece || piece->size() > sizes->result_bytes - result.size()) return Malformed();
    result.append(*piece);
  }
  if (result.size() != sizes->result_bytes) return Malformed();
  return result;
}

}  // namespace reposfs
