// What the insights keep of one commit, as git tells it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cache/oid.h"

namespace reposfs {

// Somebody as a commit or a mailmap names him; any bytes but NUL and newline.
struct Identity {
  std::string name;
  std::string email;

  auto operator<=>(const Identity&) const = default;
};

// One line of `git log --numstat`.
struct FileChange {
  std::string path;  // After the commit; any bytes but NUL.
  // Lines; nothing for a binary file.
  std::optional<std::int64_t> added;
  std::optional<std::int64_t> deleted;
};

struct CommitFacts {
  Oid oid;
  std::int64_t parent_count = 0;
  Identity author;
  std::int64_t authored_at_s = 0;  // Since the epoch; 0 if the commit does not tell.
  int author_offset_minutes = 0;   // East of UTC.
  std::int64_t committed_at_s = 0;
  std::string subject;
  // Of all files, also those that are not listed.
  std::int64_t added = 0;
  std::int64_t deleted = 0;
  std::int64_t file_count = 0;
  std::vector<FileChange> files;  // The first ones.
};

}  // namespace reposfs
