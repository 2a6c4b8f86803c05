#include "base/file_stamps.h"

#include <algorithm>
#include <utility>

namespace reposfs {
namespace {

bool Same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

bool FileStamps::Stamp::operator==(const Stamp& other) const {
  return device == other.device && inode == other.inode && size_bytes == other.size_bytes &&
         Same(modified, other.modified) && Same(changed, other.changed);
}

FileStamps::FileStamps(std::vector<std::filesystem::path> paths) : paths_(std::move(paths)) {
  stamps_.reserve(paths_.size());
  for (const auto& path : paths_) stamps_.push_back(Look(path));
}

bool FileStamps::Unchanged() const {
  return std::equal(paths_.begin(), paths_.end(), stamps_.begin(),
                    [](const auto& path, const auto& stamp) { return Look(path) == stamp; });
}

bool FileStamps::Covers(const std::filesystem::path& path) const {
  return std::find(paths_.begin(), paths_.end(), path) != paths_.end();
}

std::optional<FileStamps::Stamp> FileStamps::Look(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return Stamp{info.st_dev, info.st_ino, info.st_size, info.st_mtim, info.st_ctim};
}

}  // namespace reposfs
