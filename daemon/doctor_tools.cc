#include "daemon/doctor_tools.h"

#include <unistd.h>

#include <cstdlib>

#include "base/process.h"
#include "base/text.h"

namespace reposfs {
namespace {

std::string SearchPath() {
  const char* path = std::getenv("PATH");
  return std::string(path == nullptr ? "" : path) + ":/usr/bin:/usr/sbin:/bin:/sbin";
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return std::string(name) + "=" + (value == nullptr ? "" : value);
}

std::string LastLine(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  const auto newline = text.rfind('\n');
  return newline == std::string::npos ? text : text.substr(newline + 1);
}

}  // namespace

std::optional<std::string> FindProgram(const std::string& program) {
  const std::string search_path = SearchPath();
  for (const std::string_view directory : Split(search_path, ':')) {
    if (directory.empty()) continue;
    const std::string candidate = std::string(directory) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

CommandOutcome RunQuietly(const std::vector<std::string>& argv, std::chrono::seconds timeout) {
  ProcessOptions options;
  options.argv = argv;
  options.environment = {"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "PATH=" + SearchPath(),
                         Environment("HOME"), "GIT_SSH_COMMAND=ssh -o BatchMode=yes"};
  options.timeout = timeout;
  const auto result = RunProcess(options);
  if (!result) return {false, "", result.error().message};
  return {result->ok(), result->output.substr(0, result->output.find('\n')),
          LastLine(result->errors)};
}

}  // namespace reposfs
