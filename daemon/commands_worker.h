// The command that runs jobs and mounts nothing.
#pragma once

#include <string>
#include <vector>

#include "daemon/command_context.h"

namespace reposfs {

// Runs jobs of the kinds named `kinds` until a signal asks for the end.
int RunWorkerCommand(CommandContext context, const std::vector<std::string>& kinds);

}  // namespace reposfs
