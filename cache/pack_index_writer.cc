#include "cache/pack_index_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "base/file_util.h"
#include "cache/file_checksum.h"

namespace reposfs {
namespace {

constexpr std::size_t kBufferMaxBytes = 256u << 10;

// A file that ends in the checksum of all before it.
class ChecksummedFile {
 public:
  static Result<ChecksummedFile> Create(const std::filesystem::path& path) {
    auto fd = OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0444);
    if (!fd) return std::move(fd).error();
    return ChecksummedFile(std::move(*fd), path);
  }

  void Add(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() >= kBufferMaxBytes) Flush();
  }
  void Add32(std::uint32_t value) {
    char bytes[4];
    for (int i = 0; i < 4; ++i) bytes[i] = static_cast<char>(value >> (24 - 8 * i) & 0xff);
    Add({bytes, sizeof bytes});
  }
  void Add(const Oid& id) { Add({reinterpret_cast<const char*>(id.bytes.data()), Oid::kSize}); }

  // Appends the checksum and gives the file away, which the disk begins to write.  Errors: of any
  // write.
  Result<UniqueFd> Finish() {
    Flush();
    Add(checksum_->Finish());
    Write();
    if (!status_) return std::move(status_).error();
    // Only a hint: fsync() tells what goes wrong.
    static_cast<void>(::sync_file_range(fd_.get(), 0, 0, SYNC_FILE_RANGE_WRITE));
    return std::move(fd_);
  }

 private:
  ChecksummedFile(UniqueFd fd, std::filesystem::path path)
      : fd_(std::move(fd)), path_(std::move(path)), checksum_(std::make_unique<FileChecksum>()) {}

  void Flush() {
    checksum_->Add(buffer_);
    Write();
  }

  void Write() {
    std::string_view rest = buffer_;
    while (status_ && !rest.empty()) {
      const ssize_t written = ::write(fd_.get(), rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) status_ = ErrnoError(errno, "write " + path_.string());
      if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
    }
    buffer_.clear();
  }

  UniqueFd fd_;
  std::filesystem::path path_;
  std::unique_ptr<FileChecksum> checksum_;
  std::string buffer_;
  Status status_;
};

struct SortKey {
  std::uint64_t prefix;  // The first 8 bytes of the id decide nearly always.
  std::uint32_t entry;
};

std::uint64_t PrefixOf(const Oid& id) {
  std::uint64_t prefix = 0;
  for (int i = 0; i < 8; ++i) prefix = prefix << 8 | id.bytes[static_cast<std::size_t>(i)];
  return prefix;
}

}  // namespace

Result<std::vector<std::uint32_t>> SortByOid(const PackEntryTable& entries) {
  std::vector<SortKey> keys(entries.count());
  for (std::uint32_t i = 0; i < entries.count(); ++i) {
    assert(entries.at(i).resolved);
    keys[i] = SortKey{PrefixOf(entries.at(i).oid), i};
  }
  std::sort(keys.begin(), keys.end(), [&](const SortKey& a, const SortKey& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    return entries.at(a.entry).oid < entries.at(b.entry).oid;
  });
  std::vector<std::uint32_t> order(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    order[i] = keys[i].entry;
    if (i > 0 && entries.at(order[i]).oid == entries.at(order[i - 1]).oid) {
      return Error{Errc::kCorrupt, "a pack with two of " + entries.at(order[i]).oid.Hex()};
    }
  }
  return order;
}

Result<UniqueFd> WritePackIndex(const std::filesystem::path& path, const PackEntryTable& entries,
                                const std::vector<std::uint32_t>& order, const Oid& pack_checksum,
                                std::uint64_t large_offset_min) {
  auto file = ChecksummedFile::Create(path);
  if (!file) return std::move(file).error();
  file->Add(std::string_view("\377tOc\0\0\0\2", 8));
  std::array<std::uint32_t, 256> fan_out{};
  for (const std::uint32_t entry : order) ++fan_out[entries.at(entry).oid.bytes[0]];
  std::uint32_t total = 0;
  for (const std::uint32_t count : fan_out) file->Add32(total += count);
  for (const std::uint32_t entry : order) file->Add(entries.at(entry).oid);
  for (const std::uint32_t entry : order) file->Add32(entries.at(entry).crc32);
  std::vector<std::uint64_t> large_offsets;
  for (const std::uint32_t entry : order) {
    const std::uint64_t offset = entries.at(entry).offset;
    if (offset < large_offset_min) {
      file->Add32(static_cast<std::uint32_t>(offset));
    } else {
      file->Add32(0x80000000u | static_cast<std::uint32_t>(large_offsets.size()));
      large_offsets.push_back(offset);
    }
  }
  for (const std::uint64_t offset : large_offsets) {
    file->Add32(static_cast<std::uint32_t>(offset >> 32));
    file->Add32(static_cast<std::uint32_t>(offset));
  }
  file->Add(pack_checksum);
  return file->Finish();
}

Result<UniqueFd> WriteReverseIndex(const std::filesystem::path& path,
                                   const std::vector<std::uint32_t>& order,
                                   const Oid& pack_checksum) {
  std::vector<std::uint32_t> positions(order.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) positions[order[i]] = i;
  auto file = ChecksummedFile::Create(path);
  if (!file) return std::move(file).error();
  file->Add(std::string_view("RIDX\0\0\0\1\0\0\0\1", 12));
  for (const std::uint32_t position : positions) file->Add32(position);
  file->Add(pack_checksum);
  return file->Finish();
}

}  // namespace reposfs
