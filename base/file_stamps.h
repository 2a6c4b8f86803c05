// Tells whether files are still what they were, without reading them.
//
// Thread-safety: const methods may be called from any thread; each blocks on the disk for a look at
// each file.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <vector>

namespace reposfs {

class FileStamps {
 public:
  FileStamps() = default;
  // Looks at `paths`.  To know about what was read from them, look before it is read.
  explicit FileStamps(std::vector<std::filesystem::path> paths);

  // Whether each file still has its identity, size and times, or is still not there.
  bool Unchanged() const;

  // Whether `path` is one of them.
  bool Covers(const std::filesystem::path& path) const;

 private:
  struct Stamp {
    dev_t device;
    ino_t inode;
    off_t size_bytes;
    timespec modified, changed;
    bool operator==(const Stamp& other) const;
  };
  static std::optional<Stamp> Look(const std::filesystem::path& path);

  std::vector<std::filesystem::path> paths_;
  std::vector<std::optional<Stamp>> stamps_;  // Of each path; none if it could not be looked at.
};

}  // namespace reposfs
