#include "tests/support/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <sstream>

#include "base/unique_fd.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;

struct CloseDir {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

}  // namespace

std::string ReadFile(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  return text.str();
}

void WriteFile(const fs::path& path, std::string_view text) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(text.data(), static_cast<std::streamsize>(text.size()));
}

int ErrnoOfStat(const fs::path& path) {
  struct stat unused;
  return ::lstat(path.c_str(), &unused) == 0 ? 0 : errno;
}

int ErrnoOfRead(const fs::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno;
  std::array<char, 4096> buffer;
  return ::read(fd.get(), buffer.data(), buffer.size()) >= 0 ? 0 : errno;
}

int ErrnoOfList(const fs::path& path) {
  const std::unique_ptr<DIR, CloseDir> directory(::opendir(path.c_str()));
  if (!directory) return errno;
  for (;;) {
    errno = 0;
    if (::readdir(directory.get()) == nullptr) return errno;
  }
}

int ErrnoOfReadingAll(const fs::path& path) {
  if (const int failed = ErrnoOfList(path); failed != 0) return failed;
  for (const std::string& name : List(path)) {
    const fs::path entry = path / name;
    struct stat stat;
    if (name == ".git") continue;
    if (::lstat(entry.c_str(), &stat) != 0) return errno;
    const int failed = S_ISDIR(stat.st_mode)   ? ErrnoOfReadingAll(entry)
                       : S_ISREG(stat.st_mode) ? ErrnoOfRead(entry)
                                               : 0;
    if (failed != 0) return failed;
  }
  return 0;
}

std::vector<std::string> List(const fs::path& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseDir> directory(::opendir(path.c_str()));
  while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Attribute(const fs::path& path, const char* name) {
  std::array<char, 4096> buffer;
  const ssize_t size = ::lgetxattr(path.c_str(), name, buffer.data(), buffer.size());
  if (size < 0) return "errno " + std::to_string(errno);
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

std::size_t OpenFdCount(const std::string& pid) {
  return List("/proc/" + pid + "/fd").size();
}

}  // namespace reposfs::testing
