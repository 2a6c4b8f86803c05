// The commands that only look: status, list, show, jobs, top.
//
// Each returns its exit status.
#pragma once

#include <string>

#include "daemon/command_context.h"

namespace reposfs {

int RunStatus(const CommandContext& context);
int RunList(const CommandContext& context);
int RunShow(const CommandContext& context, const std::string& repo_argument);

// Shows status and the repositories opened last, again every second, until Ctrl-C.  Where standard
// output is no terminal, once.
int RunTop(const CommandContext& context);

}  // namespace reposfs
