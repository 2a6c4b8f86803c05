// The command that shows the queue of jobs, and puts it right.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/command_context.h"

namespace reposfs {

struct JobsArguments {
  // Which ones to show; empty is all.
  std::string kind;
  std::string state;
  std::string repo;
  // What to do to them first.
  std::vector<std::int64_t> retry;
  std::vector<std::int64_t> cancel;
};

int RunJobs(const CommandContext& context, const JobsArguments& arguments);

}  // namespace reposfs
