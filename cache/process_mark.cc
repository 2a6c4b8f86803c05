#include "cache/process_mark.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <utility>

#include "base/file_util.h"

namespace reposfs {
namespace {

namespace stdfs = std::filesystem;

constexpr std::size_t kAboutMaxBytes = 4096;

}  // namespace

Result<ProcessMark> ProcessMark::Create(const stdfs::path& directory, std::string_view role,
                                        std::string_view about) {
  std::random_device random;
  const std::string name = std::string(role) + "-" + std::to_string(getpid()) + "-" +
                           std::to_string((std::uint64_t{random()} << 32) | random());
  const stdfs::path path = directory / name;
  // Nobody sees the mark before it is locked.
  const stdfs::path hidden = directory / ("." + name);
  auto file = OpenFile(hidden, O_RDWR | O_CREAT | O_EXCL);
  if (!file) return std::move(file).error();
  if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
    return ErrnoError(errno, "lock " + path.string());
  }
  if (::write(file->get(), about.data(), about.size()) < 0) {
    return ErrnoError(errno, "write " + path.string());
  }
  if (auto shown = Rename(hidden, path); !shown) return std::move(shown).error();
  return ProcessMark(path, name, std::move(*file));
}

ProcessMark::~ProcessMark() {
  if (locked_) ::unlink(path_.c_str());
}

bool ProcessMark::IsAlive(const stdfs::path& directory, const std::string& name) {
  auto file = OpenFile(directory / name, O_RDONLY);
  if (!file) return file.error().code != Errc::kNotFound;
  return ::flock(file->get(), LOCK_SH | LOCK_NB) != 0;
}

std::vector<ProcessMark::Living> ProcessMark::List(const stdfs::path& directory) {
  std::vector<Living> living;
  std::error_code error;
  for (const auto& entry : stdfs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with('.')) continue;
    if (!IsAlive(directory, name)) {
      ::unlink(entry.path().c_str());
      continue;
    }
    const auto about = ReadFile(entry.path(), kAboutMaxBytes);
    living.push_back(Living{name, about ? *about : ""});
  }
  std::sort(living.begin(), living.end(),
            [](const Living& a, const Living& b) { return a.name < b.name; });
  return living;
}

}  // namespace reposfs
