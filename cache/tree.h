// Tree objects: parsing one, and what in one must not be shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/oid.h"

namespace reposfs {

enum class EntryType : std::uint8_t { kFile, kExecutable, kSymlink, kDirectory, kSubmodule };

struct TreeEntry {
  std::string name;
  Oid oid;
  EntryType type;

  // Whether `oid` is a blob of this repository.
  bool IsBlob() const { return type != EntryType::kDirectory && type != EntryType::kSubmodule; }
};

// Why an entry of a tree is not shown, for the log.
struct HiddenEntry {
  std::string name;
  Oid oid;
  std::string_view reason;
};

struct Tree {
  std::vector<TreeEntry> entries;  // In the order of their names' bytes.
  std::vector<HiddenEntry> hidden;
};

// Parses the content of a tree object.
//
// Entries that `git checkout` would refuse, or that the kernel can't carry, are hidden instead:
// `.git` in any disguise, `.`, `..`, names with '/', empty or over 255 bytes, and every further
// entry of a name.  Modes are reduced to the five that git has.
//
// Errors: kCorrupt if it is not a tree.
Result<Tree> ParseTree(std::string_view content);

// Whether some file system that git supports would take `name` for ".git": other case, trailing
// dots and spaces, the 8.3 name, NTFS streams, and code points that HFS+ ignores (git's
// is_ntfs_dotgit() and is_hfs_dotgit()).
bool IsDotGitInDisguise(std::string_view name);

}  // namespace reposfs
