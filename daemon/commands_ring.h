// The commands that show the ring: its nodes, and who owns a repository.
#pragma once

#include <string>

#include "daemon/command_context.h"

namespace reposfs {

int RunRingNodes(const CommandContext& context);
int RunRingLocate(const CommandContext& context, const std::string& repo);

}  // namespace reposfs
