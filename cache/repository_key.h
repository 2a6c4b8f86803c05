// The name of a repository: <host>/<owner>/<name>, as in the path.
//
// Keys come from users, from tools that probe for files while they walk up a path, and from
// attackers.  Only a name that some git host could have becomes a key; nothing else ever reaches a
// command line, a URL or the disk.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reposfs {

struct RepositoryKey {
  std::string host;
  std::string owner;
  std::string name;

  std::string Text() const { return host + "/" + owner + "/" + name; }

  auto operator<=>(const RepositoryKey&) const = default;
};

// Whether a git host could have an owner, or a repository, of this name: not empty, at most 255
// bytes of printable UTF-8, none of the characters that URLs, shells and refs give a meaning to, no
// leading '-', and for an owner no leading '.'.  `.github` is a real repository.
bool IsPlausibleOwner(std::string_view owner);
bool IsPlausibleName(std::string_view name);

// Parses "host/owner/name".  Errors: kInvalidArgument.
Result<RepositoryKey> ParseRepositoryKey(std::string_view text);

}  // namespace reposfs
