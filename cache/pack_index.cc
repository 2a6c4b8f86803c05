#include "cache/pack_index.h"

#include <cstring>
#include <limits>
#include <string>

#include "cache/pack_format.h"

namespace reposfs {
namespace {

constexpr std::string_view kMagic("\377tOc\0\0\0\2", 8);
constexpr std::size_t kFanout = kMagic.size();
constexpr std::size_t kFanoutCount = 256;
constexpr std::size_t kIds = kFanout + 4 * kFanoutCount;
constexpr std::size_t kTrailerBytes = 2 * Oid::kSize;
constexpr std::size_t kEntryBytes = Oid::kSize + 4 + 4;  // Id, checksum, offset.
constexpr std::uint32_t kIsLarge = 1u << 31;
constexpr std::uint64_t kNowhere = std::numeric_limits<std::uint64_t>::max();

}  // namespace

Result<PackIndex> PackIndex::Open(const std::filesystem::path& path) {
  auto file = MappedFile::Open(path);
  if (!file) return std::move(file).error();
  const std::string_view bytes = file->bytes();
  const Error malformed{Errc::kCorrupt, path.string() + ": not an index of a pack"};
  if (bytes.size() < kIds + kTrailerBytes || !bytes.starts_with(kMagic)) return malformed;
  std::uint32_t before = 0;
  for (std::size_t i = 0; i < kFanoutCount; ++i) {
    const std::uint32_t count = BigEndian32(bytes.data() + kFanout + 4 * i);
    if (count < before) return malformed;
    before = count;
  }
  if ((bytes.size() - kIds - kTrailerBytes) / kEntryBytes < before) return malformed;
  return PackIndex(std::move(*file), before);
}

std::uint32_t PackIndex::NumberAt(std::size_t position) const {
  return BigEndian32(file_.bytes().data() + position);
}

Oid PackIndex::pack_checksum() const {
  return Oid::FromRaw(file_.bytes().data() + file_.bytes().size() - kTrailerBytes);
}

Oid PackIndex::IdAt(std::uint32_t position) const {
  return Oid::FromRaw(file_.bytes().data() + kIds + Oid::kSize * position);
}

std::uint32_t PackIndex::LowerBound(const Oid& id) const {
  const std::size_t first = id.bytes[0];
  std::uint32_t begin = first == 0 ? 0 : NumberAt(kFanout + 4 * (first - 1));
  std::uint32_t end = NumberAt(kFanout + 4 * first);
  const char* const ids = file_.bytes().data() + kIds;
  while (begin < end) {
    const std::uint32_t middle = begin + (end - begin) / 2;
    if (std::memcmp(ids + Oid::kSize * middle, id.bytes.data(), Oid::kSize) < 0) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

std::optional<std::uint32_t> PackIndex::Find(const Oid& id) const {
  const std::uint32_t position = LowerBound(id);
  if (position == object_count_ || IdAt(position) != id) return std::nullopt;
  return position;
}

std::uint64_t PackIndex::OffsetAt(std::uint32_t position) const {
  const std::size_t count = object_count_;
  const std::size_t offsets = kIds + (Oid::kSize + 4) * count;
  const std::uint32_t offset = NumberAt(offsets + 4 * std::size_t{position});
  if ((offset & kIsLarge) == 0) return offset;
  const std::size_t large = offsets + 4 * count + 8 * std::size_t{offset & ~kIsLarge};
  if (large + 8 > file_.bytes().size() - kTrailerBytes) return kNowhere;
  return std::uint64_t{NumberAt(large)} << 32 | NumberAt(large + 4);
}

PackIndex::Range PackIndex::WithPrefix(std::string_view hex) const {
  const std::string digits(hex);
  const auto first = Oid::FromHex(digits + std::string(Oid::kHexSize - hex.size(), '0'));
  const auto last = Oid::FromHex(digits + std::string(Oid::kHexSize - hex.size(), 'f'));
  if (!first || !last) return Range{0, 0};
  Range range{LowerBound(*first), LowerBound(*last)};
  if (range.end < object_count_ && IdAt(range.end) == *last) ++range.end;
  return range;
}

}  // namespace reposfs
