// Repositories that an attacker would make: trees that git's own commands refuse to write.
//
// Each tree object is written by `git hash-object --literally`.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace reposfs::testing {

// One raw entry of a tree; nothing about it is checked.
struct TreeEntry {
  std::string mode;
  std::string name;
  std::string oid;
};

// Returns the object id of the new object.
std::string WriteBlob(const std::filesystem::path& repository, std::string_view content);
std::string WriteTree(const std::filesystem::path& repository,
                      const std::vector<TreeEntry>& entries);
// Makes a commit of `tree` and points `main` at it.
std::string CommitTree(const std::filesystem::path& repository, const std::string& tree);

// Names that must never be shown, each beside the harmless file `good`: `.git` in any disguise,
// `.`,
// `..`, names with a slash, a name of 256 bytes.
std::vector<std::string> HarmfulNames();
// A root tree with every harmful name (as a directory with a `config` in it) and `good`.  Returns
// the object id that all harmful entries have.
std::string FillHarmfulNames(const std::filesystem::path& repository);
// An entry without a name, which git itself calls a broken tree, so that no server can send it
// filtered.
void FillEmptyName(const std::filesystem::path& repository);
// Modes that grant more than they should: `setuid` (104755), `world` (100777), `sticky` (101644).
void FillHarmfulModes(const std::filesystem::path& repository);
// Two entries of one name: `twice` is "first\n" and "second\n".
void FillDuplicates(const std::filesystem::path& repository);
// d/d/d/... 3000 levels, with a file `bottom` in the last.
void FillDeep(const std::filesystem::path& repository, int level_count);
// 21 objects that name 10^10 files.
void FillTreeBomb(const std::filesystem::path& repository);
// A directory `bare` that looks like a bare repository whose core.fsmonitor runs `command`.
void FillBareLookalike(const std::filesystem::path& repository, const std::string& command);
// Links of 4095, 4096 and 100,000 bytes.
void FillLongLinks(const std::filesystem::path& repository);

}  // namespace reposfs::testing
