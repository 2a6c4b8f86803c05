// What the configuration says about serving git.
//
// Thread-safety: a pure function of files.
#pragma once

#include "daemon/config.h"
#include "daemon/git_service.h"

namespace reposfs {

// Reads ring.tokenFile.  Errors: kInvalidArgument if it holds no secret; those of reading it.
Result<GitService::Options> MakeGitServiceOptions(const Config& config);

}  // namespace reposfs
