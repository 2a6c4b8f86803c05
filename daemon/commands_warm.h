// The command that fetches repositories before anybody asks for them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/command_context.h"

namespace reposfs {

struct WarmArguments {
  std::vector<std::string> repos;
  std::string stage = "content";  // "tip", "content" or "complete".
  // Whether to wait until the stage is reached; by default on a terminal only.
  std::optional<bool> wait;
};

// Asks for all repositories, then, if it waits, shows how far each is: a bar that is drawn over on
// a terminal, a line every few seconds elsewhere.  Returns kExitFailed if any failed.
int RunWarm(const CommandContext& context, const WarmArguments& arguments);

}  // namespace reposfs
