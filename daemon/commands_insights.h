// `reposfs insights`: what the history tells, and questions in SQL.
//
// Both are read from the cache directory, so no daemon need run.
#pragma once

#include <string>

#include "daemon/command_context.h"

namespace reposfs {

struct InsightsArguments {
  std::string repo;  // Empty: all, which needs `sql`.
  bool all = false;
  bool html = false;
  bool csv = false;
  std::string sql;
};

// Returns the exit status.
int RunInsights(const CommandContext& context, const InsightsArguments& arguments);

}  // namespace reposfs
