// The text files of a view's `.git`, as pure functions of what they show.
#pragma once

#include <string>
#include <vector>

#include "cache/refs.h"
#include "cache/repository_cache.h"

namespace reposfs {

// HEAD: the branch that the view follows, or its commit.
std::string GitHead(const ResolvedRef& shown);

// config: the upstream as `origin`, and nothing that would make git write.
// `unchanged_hook` is the command of unchanged_hook.h; empty if there is none.
std::string GitConfig(const ResolvedRef& shown, const std::string& upstream,
                      const std::string& unchanged_hook);

// info/exclude: the virtual files.
std::string GitExclude(const std::vector<std::string>& virtual_files);

// packed-refs: `refs` as branches, remote branches and tags, the branch of `shown` at its commit.
std::string GitPackedRefs(const ResolvedRef& shown, std::vector<Ref> refs);

}  // namespace reposfs
