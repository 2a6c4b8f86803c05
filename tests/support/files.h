// Small files, and the questions a test asks of paths.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace reposfs::testing {

// Empty if it can't be read.
std::string ReadFile(const std::filesystem::path& path);
void WriteFile(const std::filesystem::path& path, std::string_view text);

// 0, or the errno of the call.
int ErrnoOfStat(const std::filesystem::path& path);
int ErrnoOfRead(const std::filesystem::path& path);
int ErrnoOfList(const std::filesystem::path& path);
// Of the first file in the tree under `path` that can't be read, but not in its `.git`.
int ErrnoOfReadingAll(const std::filesystem::path& path);

// The names in a directory but `.` and `..`, sorted; empty if it can't be read.
std::vector<std::string> List(const std::filesystem::path& directory);

// The value of an extended attribute, or "errno <n>".
std::string Attribute(const std::filesystem::path& path, const char* name);

// How many file descriptors process `pid` ("self": this one) has open.
std::size_t OpenFdCount(const std::string& pid = "self");

}  // namespace reposfs::testing
