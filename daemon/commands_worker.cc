#include "daemon/commands_worker.h"

#include <algorithm>

#include "daemon/background.h"
#include "daemon/worker_command.h"

namespace reposfs {

int RunWorkerCommand(CommandContext context, const std::vector<std::string>& kinds) {
  context.config.jobs.kinds.clear();
  for (const JobKind kind : kAllJobKinds) {
    const bool chosen = std::find(kinds.begin(), kinds.end(), JobKindName(kind)) != kinds.end();
    if (chosen) context.config.jobs.kinds.push_back(kind);
  }
  return ServeInForeground(
      [&](ReadinessReporter& reporter) { return RunWorker(context.config, reporter); });
}

}  // namespace reposfs
