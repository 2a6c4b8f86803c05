#include "cache/pack.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "base/file_util.h"
#include "cache/delta.h"
#include "cache/inflate.h"
#include "cache/pack_format.h"

namespace reposfs {
namespace {

// What a thread reads into; kept, unless it has become large.
class Scratch {
 public:
  static constexpr std::size_t kKeptMaxBytes = 1u << 20;

  char* Reserve(std::size_t size) {
    if (size > size_ || size_ > kKeptMaxBytes) {
      bytes_ = std::make_unique_for_overwrite<char[]>(size);
      size_ = size;
    }
    return bytes_.get();
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

// A stream that was made to be longer than any compressor makes it ends here at the latest.
std::uint64_t StrangeBound(std::uint64_t size) {
  return 4 * size + 65'536;
}

std::uint64_t NextPackId() {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);  // Only its being unique matters.
}

}  // namespace

Pack::Pack(std::string stem, UniqueFd file, std::uint64_t size_bytes, PackIndex index,
           std::optional<PackSizes> sizes)
    : id_(NextPackId()),
      stem_(std::move(stem)),
      file_(std::move(file)),
      size_bytes_(size_bytes),
      index_(std::move(index)),
      sizes_(std::move(sizes)) {}

Result<PackPtr> Pack::Open(const std::filesystem::path& directory, const std::string& stem) {
  auto index = PackIndex::Open(directory / (stem + ".idx"));
  if (!index) return std::move(index).error();
  const std::filesystem::path path = directory / (stem + ".pack");
  auto file = OpenFile(path, O_RDONLY);
  if (!file) return std::move(file).error();
  struct stat info {};
  if (::fstat(file->get(), &info) != 0) return ErrnoError(errno, "stat " + path.string());
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size < kPackHeaderSize + kPackTrailerSize) {
    return Error{Errc::kCorrupt, path.string() + ": not a pack"};
  }
  std::optional<PackSizes> sizes;
  // Without it all works, only slower.
  if (auto opened = PackSizes::Open(directory / (stem + std::string(kPackSizesSuffix)), *index)) {
    sizes = std::move(*opened);
  }
  const PackPtr pack(new Pack(stem, std::move(*file), size - kPackTrailerSize, std::move(*index),
                              std::move(sizes)));
  const auto header = pack->ReadAt(0, kPackHeaderSize);
  if (!header) return header.error();
  if (!ParsePackHeader(*header)) return Error{Errc::kCorrupt, path.string() + ": not a pack"};
  return pack;
}

Error Pack::At(std::uint64_t offset, Errc code, std::string_view what) const {
  return Error{code, stem_ + ".pack at " + std::to_string(offset) + ": " + std::string(what)};
}

Result<std::string_view> Pack::ReadAt(std::uint64_t offset, std::uint64_t count) const {
  thread_local Scratch scratch;
  if (offset >= size_bytes_) return At(offset, Errc::kCorrupt, "behind the end");
  const std::size_t wanted = std::min(count, size_bytes_ - offset);
  char* const bytes = scratch.Reserve(wanted);
  std::size_t done = 0;
  while (done < wanted) {
    const ssize_t got =
        ::pread(file_.get(), bytes + done, wanted - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    // A sector that can't be read is healed like one that reads wrong.
    if (got < 0 && errno == EIO) return At(offset, Errc::kCorrupt, "input/output error");
    if (got < 0) return ErrnoError(errno, "read " + stem_ + ".pack");
    if (got == 0) return At(offset, Errc::kCorrupt, "truncated");
    done += static_cast<std::size_t>(got);
  }
  return std::string_view(bytes, wanted);
}

Result<Pack::Entry> Pack::ReadEntry(std::uint64_t offset) const {
  const auto bytes = ReadAt(offset, kPackEntryHeaderMaxBytes);
  if (!bytes) return bytes.error();
  const auto header = ParsePackEntryHeader(*bytes, offset);
  if (!header) return header.error().Within(stem_);
  return Entry{offset, *header};
}

Result<std::string> Pack::InflateEntry(const Entry& entry) const {
  const std::uint64_t size = entry.header.size_bytes;
  if (size > kObjectSizeMaxBytes) {
    return At(entry.offset, Errc::kUnsupported, "an object larger than 1 GiB");
  }
  const std::uint64_t begin = entry.offset + entry.header.header_bytes;
  std::string content(size, '\0');
  for (const std::uint64_t bound : {StreamSizeMax(size), StrangeBound(size)}) {
    const auto compressed = ReadAt(begin, bound);
    if (!compressed) return compressed.error();
    if (Inflate(*compressed, content.data(), size)) return content;
  }
  return At(entry.offset, Errc::kCorrupt, "damaged zlib stream");
}

Result<std::uint64_t> Pack::BaseOf(const Entry& entry) const {
  if (entry.header.type == PackEntryType::kOffsetDelta) return entry.header.base_offset;
  const auto position = index_.Find(entry.header.base);
  if (!position) return At(entry.offset, Errc::kCorrupt, "the base of a delta is missing");
  return index_.OffsetAt(*position);
}

Result<std::string> Pack::ApplyEntry(std::string_view base, const Entry& entry) const {
  const auto delta = InflateEntry(entry);
  if (!delta) return delta.error();
  const auto sizes = ParseDeltaSizes(*delta);
  if (!sizes) return sizes.error().Within(stem_);
  if (sizes->result_bytes > kObjectSizeMaxBytes) {
    return At(entry.offset, Errc::kUnsupported, "an object larger than 1 GiB");
  }
  auto result = ApplyDelta(base, *delta);
  if (!result) return At(entry.offset, Errc::kCorrupt, result.error().message);
  return result;
}

Result<Object> Pack::Read(std::uint64_t offset, BaseCache& bases) const {
  std::vector<Entry> deltas;  // From the one that was asked for down to the one next to its base.
  BaseCache::ObjectPtr base;
  std::uint64_t at = offset;
  while (!(base = bases.Get({id_, at}))) {
    auto entry = ReadEntry(at);
    if (!entry) return std::move(entry).error();
    if (!entry->header.IsDelta()) {
      auto content = InflateEntry(*entry);
      if (!content) return std::move(content).error();
      Object object{ObjectTypeOf(entry->header.type), std::move(*content)};
      if (deltas.empty()) return object;
      base = std::make_shared<const Object>(std::move(object));
      bases.Put({id_, at}, base);
      break;
    }
    if (deltas.size() == kDeltaCountMax) return At(offset, Errc::kCorrupt, "too many deltas");
    deltas.push_back(*entry);
    const auto next = BaseOf(*entry);
    if (!next) return next.error();
    at = *next;
  }
  if (deltas.empty()) return *base;
  for (std::size_t i = deltas.size() - 1; i > 0; --i) {
    auto content = ApplyEntry(base->content, deltas[i]);
    if (!content) return std::move(content).error();
    base = std::make_shared<const Object>(Object{base->type, std::move(*content)});
    bases.Put({id_, deltas[i].offset}, base);
  }
  auto content = ApplyEntry(base->content, deltas.front());
  if (!content) return std::move(content).error();
  return Object{base->type, std::move(*content)};
}

Result<std::uint64_t> Pack::ReadSize(std::uint32_t position) const {
  if (sizes_) {
    if (const auto size = sizes_->At(position)) return *size;
  }
  const std::uint64_t offset = index_.OffsetAt(position);
  const auto entry = ReadEntry(offset);
  if (!entry) return entry.error();
  if (!entry->header.IsDelta()) return entry->header.size_bytes;
  const auto delta = InflateEntry(*entry);
  if (!delta) return delta.error();
  const auto sizes = ParseDeltaSizes(*delta);
  if (!sizes) return At(offset, Errc::kCorrupt, sizes.error().message);
  return sizes->result_bytes;
}

}  // namespace reposfs
