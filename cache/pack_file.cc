#include "cache/pack_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/file_util.h"

namespace reposfs {
namespace {

constexpr std::size_t kBufferMaxBytes = 256u << 10;

Status WriteAllAt(int fd, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError(errno, "write pack");
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

}  // namespace

Result<PackFile> PackFile::Create(const std::filesystem::path& directory) {
  std::string path = (directory / "tmp_pack_XXXXXX").string();
  UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return ErrnoError(errno, "create " + path);
  return PackFile(std::move(fd), path);
}

PackFile::PackFile(PackFile&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::exchange(other.path_, {})),
      buffer_(std::move(other.buffer_)),
      size_bytes_(other.size_bytes_) {}

PackFile::~PackFile() {
  // What can't be removed now goes with the staging.
  if (!path_.empty()) ::unlink(path_.c_str());
}

Status PackFile::Append(std::string_view bytes) {
  size_bytes_ += bytes.size();
  if (buffer_.empty() && bytes.size() >= kBufferMaxBytes) {
    return WriteAllAt(fd_.get(), size_bytes_ - bytes.size(), bytes);
  }
  buffer_ += bytes;
  return buffer_.size() >= kBufferMaxBytes ? Flush() : Status();
}

Status PackFile::Flush() {
  auto written = WriteAllAt(fd_.get(), size_bytes_ - buffer_.size(), buffer_);
  buffer_.clear();
  return written;
}

Status PackFile::Truncate(std::uint64_t size_bytes) {
  if (auto flushed = Flush(); !flushed) return flushed;
  if (::ftruncate(fd_.get(), static_cast<off_t>(size_bytes)) != 0) {
    return ErrnoError(errno, "truncate pack");
  }
  size_bytes_ = size_bytes;
  return {};
}

Status PackFile::WriteAt(std::uint64_t offset, std::string_view bytes) {
  if (auto flushed = Flush(); !flushed) return flushed;
  return WriteAllAt(fd_.get(), offset, bytes);
}

Status PackFile::ReadAt(std::uint64_t offset, char* out, std::size_t size_bytes) const {
  while (size_bytes > 0) {
    const ssize_t size = ::pread(fd_.get(), out, size_bytes, static_cast<off_t>(offset));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return ErrnoError(errno, "read pack");
    if (size == 0) return Error{Errc::kIo, "read pack: it is shorter than what was written"};
    out += size;
    offset += static_cast<std::uint64_t>(size);
    size_bytes -= static_cast<std::size_t>(size);
  }
  return {};
}

Status PackFile::Sync() {
  if (auto flushed = Flush(); !flushed) return flushed;
  if (::fsync(fd_.get()) != 0) return ErrnoError(errno, "fsync pack");
  return {};
}

Status PackFile::KeepAs(const std::filesystem::path& path) {
  // As git leaves it: nobody writes to a pack.
  if (::fchmod(fd_.get(), 0444) != 0) return ErrnoError(errno, "chmod pack");
  if (auto renamed = Rename(path_, path); !renamed) return renamed;
  path_.clear();
  return {};
}

}  // namespace reposfs
