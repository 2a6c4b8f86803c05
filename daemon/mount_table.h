// The mounts of this process's view, from /proc/self/mounts.
//
// Reading the table never touches a mount itself, so a daemon that hangs can't make it hang.
//
// Thread-safety: pure functions, but for ReadMountTable() which reads one file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reposfs {

struct MountEntry {
  std::string source;
  std::filesystem::path mountpoint;
  std::string type;

  bool IsReposfs() const { return type == "fuse.reposfs"; }
};

// Later mounts come later; octal escapes are decoded.  Lines that make no sense are skipped.
std::vector<MountEntry> ParseMountTable(std::string_view text);

Result<std::vector<MountEntry>> ReadMountTable();

// The mountpoints of reposfs in `entries`.
std::vector<std::filesystem::path> ReposfsMountpoints(const std::vector<MountEntry>& entries);

// The deepest of `mountpoints` that `path` is in, or is.  REQUIRES: `path` is absolute and normal.
std::optional<std::filesystem::path> MountpointOf(
    const std::filesystem::path& path, const std::vector<std::filesystem::path>& mountpoints);

// `path`, absolute and without `.`, `..` and a trailing slash, without asking the file system:
// asking could wait for a mount that does not answer.
std::filesystem::path NormalPath(const std::filesystem::path& path,
                                 const std::filesystem::path& current_directory);

}  // namespace reposfs
