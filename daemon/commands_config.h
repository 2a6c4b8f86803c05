// The commands that need no daemon: config check, config show, doctor.
#pragma once

#include <filesystem>
#include <optional>

#include "daemon/command_context.h"

namespace reposfs {

// Says that the configuration, which has been loaded, is right.
int RunConfigCheck(const CommandContext& context);

// Prints the effective configuration as YAML; with --json the same keys as JSON.
int RunConfigShow(const CommandContext& context);

enum class NetworkUse { kNone, kAllowed };

// Looks at everything a mount needs.  `config` may be an error, which is then one of the findings.
// Returns kExitFailed if something would keep a mount from working.
int RunDoctor(const Result<Config>& config, OutputFormat format, NetworkUse network);

}  // namespace reposfs
