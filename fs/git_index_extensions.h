// Parts of a git index that make it fast to parse and let `git status` look at nothing at all.
//
// A monitor ("FSMN") tells git which files may have changed since the index was written, and an
// untracked cache ("UNTR") which directories hold nothing but what is tracked.  In a view nothing
// ever changes, so the index says so of every file and directory; git believes it only as long as
// the hook of unchanged_hook.h vouches for it, and looks for itself otherwise.
//
// Thread-safety: functions are pure; an object belongs to one thread.
//
// Source of the formats: git's Documentation/gitformat-index.txt, "File System Monitor cache",
// "Untracked cache", "End of Index Entry" and "Index Entry Offset Table"; gitformat-bitmap.txt for
// the bitmaps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cache/oid.h"

namespace reposfs {

void Append32(std::string& out, std::uint64_t value);  // The low 32 bits, big-endian.
void AppendOid(std::string& out, const Oid& oid);
// `signature` has four letters.
void AppendExtension(std::string& out, std::string_view signature, std::string_view content);

// No file has changed since `token`.
std::string FsmonitorExtension(std::string_view token);

// Where entries begin, so that git parses a large index in several threads ("IEOT").
class EntryBlocks {
 public:
  // The next entry begins at `offset` within the index.  REQUIRES: offset fits into 32 bits.
  void Add(std::size_t offset);
  std::string Extension() const;
  // Whether it helps: git ignores an index that is one block.
  bool empty() const { return blocks_.size() < 2; }

 private:
  struct Block {
    std::size_t offset;
    std::size_t entry_count;
  };

  std::vector<Block> blocks_;
};

// Where the entries end ("EOIE"), which git must know to find the blocks.  `extensions` are all
// that stand between there and here.
std::string EndOfEntriesExtension(std::size_t entries_end, std::string_view extensions);

// The directories of a view, each after its parent.
class DirectoryList {
 public:
  // `ignore` is the id of the directory's .gitignore, null if there is none.  Returns the index of
  // the new directory.  The first one is the root, which is its own parent.
  std::size_t Add(std::string name, std::size_t parent, const Oid& ignore);

  // No directory holds anything untracked.  `location` is the path of the work tree: elsewhere git
  // makes a cache of its own.  `exclude` is the text of info/exclude.
  //
  // The stat data of directories is left out: what the hook does not vouch for is read again.
  std::string UntrackedExtension(std::string_view location, std::string_view exclude) const;

 private:
  struct Entry {
    std::string name;
    Oid ignore;
    std::vector<std::size_t> children;
  };

  // All of them, root first, siblings by their plain names as git searches them.
  std::vector<const Entry*> InOrder() const;

  std::vector<Entry> entries_;
};

}  // namespace reposfs
