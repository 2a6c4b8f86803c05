#include "cache/pack_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/file_util.h"

namespace reposfs {
namespace {

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

Result<std::unique_ptr<PackFile>> PackFile::Create(const std::filesystem::path& directory,
                                                   IoEngine& engine) {
  std::string path = (directory / "tmp_pack_XXXXXX").string();
  UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return ErrnoError(errno, "create " + path);
  return std::unique_ptr<PackFile>(new PackFile(engine, std::move(fd), path));
}

PackFile::~PackFile() {
  // What can't be removed now goes with the staging.
  if (!path_.empty()) ::unlink(path_.c_str());
}

Status PackFile::Append(std::string_view bytes) {
  const std::uint64_t begin = std::exchange(size_bytes_, size_bytes_ + bytes.size());
  if (changing_.load(std::memory_order_relaxed)) return WriteAt(begin, bytes);
  return writer_.Append(bytes);
}

Status PackFile::Truncate(std::uint64_t size_bytes) {
  if (auto finished = writer_.Finish(); !finished) return finished;
  if (::ftruncate(writer_.fd(), static_cast<off_t>(size_bytes)) != 0) {
    return ErrnoError(errno, "truncate pack");
  }
  changing_.store(true, std::memory_order_release);
  size_bytes_ = size_bytes;
  return {};
}

Status PackFile::WriteAt(std::uint64_t offset, std::string_view bytes) {
  assert(changing_.load(std::memory_order_relaxed));
  return WriteAllAt(writer_.fd(), offset, bytes);
}

Status PackFile::ReadAt(std::uint64_t offset, std::span<char> into) const {
  if (!changing_.load(std::memory_order_acquire)) return writer_.ReadAt(offset, into);
  while (!into.empty()) {
    const ssize_t size =
        ::pread(writer_.fd(), into.data(), into.size(), static_cast<off_t>(offset));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return ErrnoError(errno, "read pack");
    if (size == 0) return Error{Errc::kIo, "read pack: it is shorter than what was written"};
    into = into.subspan(static_cast<std::size_t>(size));
    offset += static_cast<std::uint64_t>(size);
  }
  return {};
}

Status PackFile::Sync() {
  if (!changing_.load(std::memory_order_relaxed)) return writer_.Finish();
  if (::fsync(writer_.fd()) != 0) return ErrnoError(errno, "fsync pack");
  return {};
}

Status PackFile::KeepAs(const std::filesystem::path& path) {
  // As git leaves it: nobody writes to a pack.
  if (::fchmod(writer_.fd(), 0444) != 0) return ErrnoError(errno, "chmod pack");
  if (auto renamed = Rename(path_, path); !renamed) return renamed;
  path_.clear();
  return {};
}

}  // namespace reposfs
