// What every command of the command line gets and returns.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "daemon/config.h"
#include "daemon/terminal.h"

namespace reposfs {

// Exit statuses, the same for every command.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

enum class OutputFormat { kHuman, kJson };

struct CommandContext {
  Config config;
  OutputFormat format = OutputFormat::kHuman;
  Terminal terminal;
};

// Prints "reposfs: <message>" as one line to standard error.  Returns kExitFailed.
int Fail(const Error& error);

// Writes `value` to standard output, indented; what is not ASCII is escaped, so that no name can
// send commands to a terminal.
void PrintJson(const nlohmann::json& value);

// The repository key that `argument` stands for; see daemon/repo_argument.h.
Result<std::string> ResolveRepo(const std::string& argument, const Config& config);

}  // namespace reposfs
