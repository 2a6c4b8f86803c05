#include "base/file_util.h"

#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace reposfs {

Result<UniqueFd> OpenFile(const std::filesystem::path& path, int flags, unsigned mode) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return ErrnoError(errno, "open " + path.string());
  return fd;
}

namespace {

// So often somebody else may come between.
constexpr int kRemoveAttemptCountMax = 1000;

Status WriteAll(int fd, std::string_view content, std::string_view what) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError(errno, what);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status Sync(const std::filesystem::path& path, int flags) {
  auto fd = OpenFile(path, O_RDONLY | flags);
  if (!fd) return std::move(fd).error();
  if (::fsync(fd->get()) != 0) return ErrnoError(errno, "fsync " + path.string());
  return {};
}

struct FtsCloser {
  void operator()(FTS* fts) const { fts_close(fts); }
};

}  // namespace

Result<std::string> ReadFile(const std::filesystem::path& path, std::uint64_t size_max_bytes) {
  auto fd = OpenFile(path, O_RDONLY);
  if (!fd) return std::move(fd).error();
  std::string content;
  char buffer[1 << 16];
  while (true) {
    const ssize_t size = ::read(fd->get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return ErrnoError(errno, "read " + path.string());
    if (size == 0) return content;
    content.append(buffer, static_cast<std::size_t>(size));
    if (content.size() > size_max_bytes) {
      return Error{Errc::kNoSpace, "read " + path.string() + ": larger than expected"};
    }
  }
}

Status WriteFile(const std::filesystem::path& path, std::string_view content) {
  auto fd = OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!fd) return std::move(fd).error();
  return WriteAll(fd->get(), content, "write " + path.string());
}

Status SyncFile(const std::filesystem::path& path) {
  return Sync(path, 0);
}

Status WriteFileAtomically(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::path temporary = path;
  temporary += ".new";
  auto fd = OpenFile(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!fd) return std::move(fd).error();
  if (auto written = WriteAll(fd->get(), content, "write " + temporary.string()); !written) {
    return written;
  }
  if (::fsync(fd->get()) != 0) return ErrnoError(errno, "fsync " + temporary.string());
  if (auto renamed = Rename(temporary, path); !renamed) return renamed;
  return SyncDirectory(path.parent_path());
}

Status SyncDirectory(const std::filesystem::path& directory) {
  return Sync(directory, O_DIRECTORY);
}

Status MakeDirectories(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoError(error.value(), "create " + path.string());
  return {};
}

Status Rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return ErrnoError(errno, "rename " + from.string() + " to " + to.string());
  }
  return {};
}

Status RemoveTree(const std::filesystem::path& path) {
  std::error_code error;
  for (int attempt = 0; attempt < kRemoveAttemptCountMax; ++attempt) {
    std::filesystem::remove_all(path, error);
    const bool disturbed =
        error == std::errc::no_such_file_or_directory || error == std::errc::directory_not_empty;
    if (!disturbed) break;
  }
  if (error) return ErrnoError(error.value(), "remove " + path.string());
  return {};
}

std::uint64_t DiskUsageBytes(const std::filesystem::path& path) {
  std::string root = path.string();
  char* roots[] = {root.data(), nullptr};
  const std::unique_ptr<FTS, FtsCloser> fts(
      fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr));
  if (!fts) return 0;
  std::uint64_t bytes = 0;
  while (const FTSENT* entry = fts_read(fts.get())) {
    const bool counted = entry->fts_info == FTS_D || entry->fts_info == FTS_F ||
                         entry->fts_info == FTS_SL || entry->fts_info == FTS_DEFAULT;
    if (counted) bytes += static_cast<std::uint64_t>(entry->fts_statp->st_blocks) * 512;
  }
  return bytes;
}

Result<FileSystemSpace> SpaceOf(const std::filesystem::path& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return ErrnoError(errno, "statvfs " + path.string());
  return FileSystemSpace{info.f_frsize * info.f_blocks, info.f_frsize * info.f_bavail};
}

}  // namespace reposfs
