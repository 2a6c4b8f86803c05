// URLs of repositories, as git takes them and as browsers show them, and the keys they stand for.
//
//   https://github.com/git/git.git, ssh://git@github.com/git/git, git@github.com:git/git, also one
//   copied from a browser (https://github.com/git/git/tree/master)
//
// Thread-safety: pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/options.h"
#include "cache/repository_key.h"

namespace reposfs {

// Whether `text` is a URL, or what only git takes for one: "git@github.com:git/git".
bool IsRepositoryUrl(std::string_view text);

// The key of what `url` names: of the host whose template it looks like, or of its own name.  The
// host is lower case, the rest in the spelling of the URL; `@ref` is dropped.
// REQUIRES: IsRepositoryUrl(url).  Errors: kInvalidArgument, with what would have been right.
Result<std::string> KeyOfUrl(std::string_view url, const std::map<std::string, HostOptions>& hosts);

// The text of a key whose parts a user has written as `argument`; the same errors.
Result<std::string> SpellKey(std::string_view argument, const RepositoryKey& parts);

}  // namespace reposfs
