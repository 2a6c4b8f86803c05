#include "tests/support/tree_compare.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iomanip>
#include <memory>
#include <ostream>
#include <sstream>

#include "base/unique_fd.h"
#include "tests/support/command.h"
#include "tests/support/files.h"

namespace reposfs::testing {
namespace {

struct CloseDir {
  void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

// Compares two directories, given by descriptors, so that no path is ever too long.
class Comparer {
 public:
  Comparer(const CompareOptions& options, Comparison& result)
      : options_(options), result_(result) {}

  void Directory(int expected_fd, int actual_fd, const std::string& path) {
    ++result_.directory_count;
    const std::set<std::string> expected = Names(expected_fd, path);
    const std::set<std::string> actual = Names(actual_fd, path);
    for (const std::string& name : actual) {
      if (!expected.contains(name)) Differ(path + '/' + name, "should not exist");
    }
    for (const std::string& name : expected) {
      if (full()) return;
      if (!actual.contains(name)) {
        Differ(path + '/' + name, "is not listed");
      } else {
        Entry(expected_fd, actual_fd, name, path + '/' + name);
      }
    }
  }

 private:
  bool full() const { return result_.differences.size() >= options_.difference_count_max; }

  void Differ(const std::string& path, const std::string& how) {
    if (full()) return;
    std::ostringstream line;
    line << std::quoted(path.substr(0, 300)) << ' ' << how;
    result_.differences.push_back(line.str());
  }

  void DifferErrno(const std::string& path, const std::string& call) {
    Differ(path, call + ": " + std::strerror(errno));
  }

  std::set<std::string> Names(int fd, const std::string& path) {
    std::set<std::string> names;
    const std::unique_ptr<DIR, CloseDir> directory(
        ::fdopendir(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (!directory) {
      DifferErrno(path, "opendir");
      return names;
    }
    errno = 0;
    while (const dirent* entry = ::readdir(directory.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || Ignored(path, name)) continue;
      if (!names.insert(name).second) Differ(path + '/' + name, "is listed twice");
    }
    if (errno != 0) DifferErrno(path, "readdir");
    return names;
  }

  bool Ignored(const std::string& path, const std::string& name) const {
    return path.empty() && options_.ignore_at_top.contains(name);
  }

  void Entry(int expected_fd, int actual_fd, const std::string& name, const std::string& path) {
    struct stat expected;
    struct stat actual;
    if (::fstatat(expected_fd, name.c_str(), &expected, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::fstatat(actual_fd, name.c_str(), &actual, AT_SYMLINK_NOFOLLOW) != 0) {
      DifferErrno(path, "stat");
      return;
    }
    if (expected.st_mode != actual.st_mode) {
      std::ostringstream how;
      how << std::oct << "has mode " << actual.st_mode << ", not " << expected.st_mode;
      Differ(path, how.str());
      if ((expected.st_mode & S_IFMT) != (actual.st_mode & S_IFMT)) return;
    }
    if (S_ISDIR(expected.st_mode)) return Descend(expected_fd, actual_fd, name, path);
    if (expected.st_size != actual.st_size) {
      Differ(path, "has " + std::to_string(actual.st_size) + " bytes, not " +
                       std::to_string(expected.st_size));
      return;
    }
    if (S_ISLNK(expected.st_mode)) return Link(expected_fd, actual_fd, name, path);
    if (S_ISREG(expected.st_mode)) return Content(expected_fd, actual_fd, name, path);
  }

  void Descend(int expected_fd, int actual_fd, const std::string& name, const std::string& path) {
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const UniqueFd expected(::openat(expected_fd, name.c_str(), flags));
    const UniqueFd actual(::openat(actual_fd, name.c_str(), flags));
    if (!expected || !actual) return DifferErrno(path, "open");
    Directory(expected.get(), actual.get(), path);
  }

  void Link(int expected_fd, int actual_fd, const std::string& name, const std::string& path) {
    ++result_.link_count;
    std::array<char, 8192> expected;
    std::array<char, 8192> actual;
    const ssize_t expected_size =
        ::readlinkat(expected_fd, name.c_str(), expected.data(), expected.size());
    const ssize_t actual_size = ::readlinkat(actual_fd, name.c_str(), actual.data(), actual.size());
    if (expected_size < 0 || actual_size < 0) return DifferErrno(path, "readlink");
    if (expected_size != actual_size ||
        std::memcmp(expected.data(), actual.data(), static_cast<std::size_t>(actual_size)) != 0) {
      Differ(path, "points elsewhere");
    }
  }

  void Content(int expected_fd, int actual_fd, const std::string& name, const std::string& path) {
    ++result_.file_count;
    const UniqueFd expected(::openat(expected_fd, name.c_str(), O_RDONLY | O_CLOEXEC));
    const UniqueFd actual(::openat(actual_fd, name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!expected || !actual) return DifferErrno(path, "open");
    for (off_t offset = 0;;) {
      const ssize_t expected_size = ReadAt(expected.get(), expected_buffer_, offset);
      const ssize_t actual_size = ReadAt(actual.get(), actual_buffer_, offset);
      if (expected_size < 0 || actual_size < 0) return DifferErrno(path, "read");
      if (expected_size != actual_size ||
          std::memcmp(expected_buffer_.data(), actual_buffer_.data(),
                      static_cast<std::size_t>(actual_size)) != 0) {
        return Differ(path, "has other bytes after offset " + std::to_string(offset));
      }
      if (expected_size == 0) return;
      offset += expected_size;
    }
  }

  // Reads until `buffer` is full or the file ends.
  static ssize_t ReadAt(int fd, std::vector<char>& buffer, off_t offset) {
    std::size_t done = 0;
    while (done < buffer.size()) {
      const ssize_t count = ::pread(fd, buffer.data() + done, buffer.size() - done,
                                    offset + static_cast<off_t>(done));
      if (count < 0) return -1;
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return static_cast<ssize_t>(done);
  }

  static constexpr std::size_t kBufferBytes = 256 << 10;
  const CompareOptions& options_;
  Comparison& result_;
  std::vector<char> expected_buffer_ = std::vector<char>(kBufferBytes);
  std::vector<char> actual_buffer_ = std::vector<char>(kBufferBytes);
};

}  // namespace

std::ostream& operator<<(std::ostream& stream, const Comparison& comparison) {
  stream << comparison.file_count << " files, " << comparison.link_count << " links, "
         << comparison.directory_count << " directories";
  for (const std::string& line : comparison.differences) stream << "\n  " << line;
  return stream;
}

Comparison CompareTrees(const std::filesystem::path& expected, const std::filesystem::path& actual,
                        const CompareOptions& options) {
  Comparison result;
  const UniqueFd expected_fd(::open(expected.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd actual_fd(::open(actual.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!expected_fd || !actual_fd) {
    result.differences.push_back((expected_fd ? actual : expected).string() + ": " +
                                 std::strerror(errno));
    return result;
  }
  Comparer(options, result).Directory(expected_fd.get(), actual_fd.get(), "");
  return result;
}

void AddWorktree(const std::filesystem::path& repository, const std::filesystem::path& worktree,
                 const std::string& commit) {
  std::filesystem::create_directories(repository / "info");
  WriteFile(repository / "info/attributes", "* -text -ident !filter !working-tree-encoding\n");
  RunOptions options;
  options.timeout = std::chrono::minutes(5);
  Output({"git", "-C", repository.string(), "worktree", "add", "-q", "--detach", worktree.string(),
          commit},
         options);
}

}  // namespace reposfs::testing
