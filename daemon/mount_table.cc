#include "daemon/mount_table.h"

#include <algorithm>

#include "base/file_util.h"
#include "base/text.h"

namespace reposfs {
namespace {

bool IsOctal(char c) {
  return c >= '0' && c <= '7';
}

// The kernel writes a space as \040, a tab as \011, a newline as \012, a backslash as \134.
std::string DecodeOctal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) &&
                        IsOctal(text[i + 2]) && IsOctal(text[i + 3]);
    if (!escape) {
      out += text[i];
      continue;
    }
    const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
    out += static_cast<char>(value);
    i += 3;
  }
  return out;
}

}  // namespace

std::vector<MountEntry> ParseMountTable(std::string_view text) {
  std::vector<MountEntry> entries;
  for (const std::string_view line : Split(text, '\n')) {
    const auto fields = Split(line, ' ');
    if (fields.size() < 3) continue;
    entries.push_back({DecodeOctal(fields[0]), DecodeOctal(fields[1]), DecodeOctal(fields[2])});
  }
  return entries;
}

Result<std::vector<MountEntry>> ReadMountTable() {
  const auto text = ReadFile("/proc/self/mounts");
  if (!text) return text.error();
  return ParseMountTable(text.value());
}

std::vector<std::filesystem::path> ReposfsMountpoints(const std::vector<MountEntry>& entries) {
  std::vector<std::filesystem::path> mountpoints;
  for (const MountEntry& entry : entries) {
    if (entry.IsReposfs()) mountpoints.push_back(entry.mountpoint);
  }
  return mountpoints;
}

std::optional<std::filesystem::path> MountpointOf(
    const std::filesystem::path& path, const std::vector<std::filesystem::path>& mountpoints) {
  std::optional<std::filesystem::path> deepest;
  for (const auto& mountpoint : mountpoints) {
    const auto differ =
        std::mismatch(mountpoint.begin(), mountpoint.end(), path.begin(), path.end());
    const bool inside = differ.first == mountpoint.end();
    const bool deeper = !deepest || mountpoint.native().size() > deepest->native().size();
    if (inside && deeper) deepest = mountpoint;
  }
  return deepest;
}

std::filesystem::path NormalPath(const std::filesystem::path& path,
                                 const std::filesystem::path& current_directory) {
  const std::filesystem::path normal = (current_directory / path).lexically_normal();
  const bool trailing_slash = !normal.has_filename() && normal.has_relative_path();
  return trailing_slash ? normal.parent_path() : normal;
}

}  // namespace reposfs
