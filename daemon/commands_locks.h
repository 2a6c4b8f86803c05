// The command that shows who holds which lock, and who waits.
#pragma once

#include <string>

#include "daemon/command_context.h"
#include "daemon/json_fields.h"

namespace reposfs {

int RunLocks(const CommandContext& context);

// `locks` as /debug/locks has them.
std::string RenderLocks(const nlohmann::json& locks, WallTime now, const Terminal& terminal);

}  // namespace reposfs
