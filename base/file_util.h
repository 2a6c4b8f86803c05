// What the standard library's file system lacks: durability, real disk usage, whole small files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace reposfs {

// Opens with O_CLOEXEC.
Result<UniqueFd> OpenFile(const std::filesystem::path& path, int flags, unsigned mode = 0600);

// Errors: kNotFound if there is none; kNoSpace if it is larger than `size_max_bytes`.
Result<std::string> ReadFile(const std::filesystem::path& path,
                             std::uint64_t size_max_bytes = 1ull << 30);

// Makes `path` a file with `content`, for who comes in this process: a crash may leave anything.
Status WriteFile(const std::filesystem::path& path, std::string_view content);

// Makes the content of the file `path` survive a loss of power; its name is up to SyncDirectory().
Status SyncFile(const std::filesystem::path& path);

// Replaces `path` by a file with `content`, so that a reader, and whoever comes after a crash, sees
// either the old one or the new one whole.
Status WriteFileAtomically(const std::filesystem::path& path, std::string_view content);

// Makes the entries of `directory` survive a loss of power.
Status SyncDirectory(const std::filesystem::path& directory);

Status MakeDirectories(const std::filesystem::path& path);
Status Rename(const std::filesystem::path& from, const std::filesystem::path& to);

// Removes `path` and what is below it, never following a symlink.  What is not there is no error,
// nor is it that somebody else removes or adds something meanwhile, as programs do that go down
// with a process that was killed.
Status RemoveTree(const std::filesystem::path& path);

// Bytes that `path` and what is below it take on the disk (st_blocks).  What vanishes meanwhile
// counts nothing.
std::uint64_t DiskUsageBytes(const std::filesystem::path& path);

struct FileSystemSpace {
  std::uint64_t total_bytes;
  std::uint64_t available_bytes;  // To this process.
};
Result<FileSystemSpace> SpaceOf(const std::filesystem::path& path);

}  // namespace reposfs
