// What users write for REPO on the command line, and the repository key it stands for.
//
//   a key    github.com/git/git, github.com/git/git@v2.40.0
//   a URL    https://github.com/git/git.git, ssh://git@github.com/git/git, git@github.com:git/git,
//            also one copied from a browser (https://github.com/git/git/tree/master)
//   a path   /repos/github.com/git/git/Documentation, ., ../git: inside a mount
//
// Thread-safety: a pure function.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/options.h"

namespace reposfs {

// What the meaning of an argument depends on.
struct RepoContext {
  std::filesystem::path current_directory;
  std::vector<std::filesystem::path> mountpoints;
  std::map<std::string, HostOptions> hosts;
};

// The key, with a lower-case host, in the spelling of the user otherwise; `@ref` is dropped.
//
// Errors: kInvalidArgument, with what would have been right.
Result<std::string> ParseRepoArgument(std::string_view argument, const RepoContext& context);

}  // namespace reposfs
