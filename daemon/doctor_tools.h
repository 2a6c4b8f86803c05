// How checks of `reposfs doctor` ask other programs.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace reposfs {

// Where `program` is in PATH and the directories of root; nothing if nowhere.
std::optional<std::string> FindProgram(const std::string& program);

struct CommandOutcome {
  bool ok = false;
  std::string output;      // The first line of standard output.
  std::string last_error;  // The last line of standard error.
};

// Runs `argv` without any terminal or prompt.
CommandOutcome RunQuietly(const std::vector<std::string>& argv, std::chrono::seconds timeout);

}  // namespace reposfs
