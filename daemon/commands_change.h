// The commands that change one or more repositories: refresh, pin, unpin, evict.
#pragma once

#include <string>
#include <vector>

#include "daemon/command_context.h"

namespace reposfs {

// Asks the daemon for `action` ("refresh", "pin", "unpin" or "evict") on each of `repo_arguments`.
// One that fails does not keep the others from being done.  Returns kExitFailed if any failed.
int RunAction(const CommandContext& context, const std::string& action,
              const std::vector<std::string>& repo_arguments);

}  // namespace reposfs
