#include "cache/pack_sizes.h"

#include <algorithm>
#include <string>

#include "base/file_util.h"
#include "cache/inflate.h"
#include "cache/pack.h"
#include "cache/pack_format.h"

namespace reposfs {
namespace {

constexpr std::string_view kMagic("\377rsz\0\0\0\1", 8);
constexpr std::size_t kSizeBytes = 4;
constexpr std::size_t kSizes = kMagic.size() + Oid::kSize;
constexpr std::size_t kTrailerBytes = 4;
constexpr std::uint32_t kUnknown = 0xffffffff;

constexpr std::uint32_t kObjectCountMin = 10'000;
constexpr std::uint64_t kPackShareMin = 100;

constexpr std::size_t kAskInterval = 4096;  // Objects.

}  // namespace

Result<PackSizes> PackSizes::Open(const std::filesystem::path& path, const PackIndex& index) {
  auto file = MappedFile::Open(path);
  if (!file) return std::move(file).error();
  const std::string_view bytes = file->bytes();
  const std::size_t size = kSizes + kSizeBytes * std::size_t{index.object_count()} + kTrailerBytes;
  const bool ours = bytes.size() == size && bytes.starts_with(kMagic) &&
                    Oid::FromRaw(bytes.data() + kMagic.size()) == index.pack_checksum();
  if (!ours) return Error{Errc::kCorrupt, path.string() + ": not the sizes of this pack"};
  const std::string_view summed = bytes.substr(0, size - kTrailerBytes);
  if (Crc32(0, summed) != BigEndian32(bytes.data() + summed.size())) {
    return Error{Errc::kCorrupt, path.string() + ": damaged"};
  }
  return PackSizes(std::move(*file));
}

std::optional<std::uint64_t> PackSizes::At(std::uint32_t position) const {
  const std::uint32_t size =
      BigEndian32(file_.bytes().data() + kSizes + kSizeBytes * std::size_t{position});
  if (size == kUnknown) return std::nullopt;
  return size;
}

bool WorthPackSizes(std::uint32_t object_count, std::uint64_t pack_size_bytes) {
  return object_count >= kObjectCountMin &&
         kSizeBytes * std::uint64_t{object_count} <= pack_size_bytes / kPackShareMin;
}

Status WritePackSizes(const std::filesystem::path& path,
                      const std::vector<std::uint64_t>& sizes_bytes, const Oid& pack_checksum) {
  std::string bytes(kMagic);
  bytes.reserve(kSizes + kSizeBytes * sizes_bytes.size() + kTrailerBytes);
  bytes.append(reinterpret_cast<const char*>(pack_checksum.bytes.data()), Oid::kSize);
  for (const std::uint64_t size : sizes_bytes) {
    AppendBigEndian32(bytes, static_cast<std::uint32_t>(std::min<std::uint64_t>(size, kUnknown)));
  }
  AppendBigEndian32(bytes, Crc32(0, bytes));
  return WriteFileAtomically(path, bytes);
}

Result<std::vector<std::uint64_t>> ReadAllSizes(const Pack& pack,
                                                const std::function<Status()>& keep_going) {
  const PackIndex& index = pack.index();
  std::vector<std::pair<std::uint64_t, std::uint32_t>> in_pack_order;
  in_pack_order.reserve(index.object_count());
  for (std::uint32_t position = 0; position < index.object_count(); ++position) {
    in_pack_order.emplace_back(index.OffsetAt(position), position);
  }
  std::sort(in_pack_order.begin(), in_pack_order.end());
  std::vector<std::uint64_t> sizes_bytes(in_pack_order.size());
  for (std::size_t i = 0; i < in_pack_order.size(); ++i) {
    if (i % kAskInterval == 0) {
      if (auto going = keep_going(); !going) return std::move(going).error();
    }
    const std::uint32_t position = in_pack_order[i].second;
    const auto size = pack.ReadSize(position);
    if (!size) return size.error();
    sizes_bytes[position] = *size;
  }
  return sizes_bytes;
}

}  // namespace reposfs
