// What an object that arrives must be, whatever its sender says.
//
// The same verdicts as `git index-pack --strict` with the severities of git_command.cc, which were
// chosen so: what is malformed is refused here, what is only harmful to show is hidden by
// ParseTree(), so that the rest of such a repository still works.  git's fsck.c with those
// severities comes down to this:
//
//   commit  headers without NUL, ended by a newline; "tree <id>", any number of "parent <id>", at
//           least one "author " and "committer ", in this order.
//   tag     headers likewise; "object <id>", "type <a type>", "tag " and a newline, in this order.
//   tree    every entry has an octal mode, a name, and an id; an empty name is malformed.
//   blob    anything.
//
// Not checked, and why: names, order and duplicates in trees, modes (ParseTree() hides or reduces);
// names, addresses, dates and zones of people (shown escaped, parsed with limits; old histories are
// full of bad ones); .gitmodules and .gitattributes (nothing here acts on them, git in the mount
// checks for itself); names of tags (refs come from elsewhere); whether what an object names exists
// (not a property of one object).
//
// Thread-safety: a pure function.
#pragma once

#include <string_view>

#include "base/result.h"
#include "cache/object.h"

namespace reposfs {

// Errors: kCorrupt; the message says what is wrong.
Status CheckObject(ObjectType type, std::string_view content);

}  // namespace reposfs
