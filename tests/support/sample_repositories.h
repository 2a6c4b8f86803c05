// The repositories that the suites serve.  Each function fills an empty bare repository.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace reposfs::testing {

// Three commits on `main`, README.md ("hello\n" at the end), src/, branches `topic/one` and `old`,
// the annotated tag v1.0 on the first commit, the lightweight tag v1.1 on the second, and a merge.
void FillSmall(const std::filesystem::path& repository);

// A repository whose content is `text` in the file `file`: for tests that tell repositories apart.
void FillWith(const std::filesystem::path& repository, const std::string& text);

// Adds one commit to `branch` that sets `file` to `text`.  Returns its object id.
std::string AddCommit(const std::filesystem::path& repository, const std::string& branch,
                      const std::string& text);

// `commit_count` commits over `file_count` files in nested directories; every commit changes a few.
struct HistoryOptions {
  int commit_count = 200;
  int file_count = 100;
  std::size_t file_bytes = 2000;
};
void FillHistory(const std::filesystem::path& repository, const HistoryOptions& options);

// About `size_bytes` that do not compress, in files of 64 KiB: on disk it is as large as it says.
// Eight files are in a directory: data/0 to data/7, then more/1/8 and so on.
void FillRandom(const std::filesystem::path& repository, std::uint64_t size_bytes, unsigned seed);

// Every oddity that a checkout must reproduce: executables, links of all kinds, a submodule, names
// in any bytes, deep paths, empty and binary files, line-ending attributes, names that differ in
// case only.
void FillOddities(const std::filesystem::path& repository);

// One file `large.txt` of 300 MB, whose bytes can be told by their offset (lines of 32 bytes).
inline constexpr std::uint64_t kLargeFileBytes = 300'000'000;
void FillLargeFile(const std::filesystem::path& repository);

// One directory `wide` of `entry_count` files.
void FillWide(const std::filesystem::path& repository, int entry_count);

}  // namespace reposfs::testing
