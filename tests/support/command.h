// Other programs, run by a test: to their end, or in the background.
//
// Thread-safety: the functions may be called from any thread; a ChildProcess belongs to one.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace reposfs::testing {

using std::chrono::milliseconds;

using Argv = std::vector<std::string>;

struct RunOptions {
  milliseconds timeout = std::chrono::minutes(2);
  std::filesystem::path directory;
  // "NAME=value", added to the environment of the test.
  std::vector<std::string> environment;
  std::string stdin_text;
};

struct CommandResult {
  // The exit status; 128 + n if signal n ended it; -1 if the timeout did.
  int status = -1;
  std::string out;
  std::string err;
  milliseconds elapsed{};

  bool ok() const { return status == 0; }
};

// For failure messages: the status and everything the program said.
std::ostream& operator<<(std::ostream& stream, const CommandResult& result);

// Runs `argv` to its end.  After the timeout its whole process group is killed.
CommandResult Execute(const Argv& argv, const RunOptions& options = {});

// Runs `script` with /bin/sh.
CommandResult Sh(const std::string& script, const RunOptions& options = {});

// Runs `argv` and returns what it wrote to stdout, without the newlines at the end.  A failure is
// reported as a failure of the test.
std::string Output(const Argv& argv, const RunOptions& options = {});

// Runs git in `repository` with `args`, as Output() does.
std::string Git(const std::filesystem::path& repository, const Argv& args);

// A program in the background, in a process group of its own.  It gets SIGTERM if the test dies,
// and SIGKILL when this object does.
class ChildProcess {
 public:
  ChildProcess() = default;
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  // Both its outputs are appended to `log`.
  static ChildProcess Start(const Argv& argv, const std::filesystem::path& log,
                            const RunOptions& options = {});

  pid_t pid() const { return pid_; }
  bool running();
  void Signal(int signal);
  // The exit status as in CommandResult, or nothing if it still runs after `timeout`.
  std::optional<int> Wait(milliseconds timeout);
  // SIGKILL, to the whole group, and waits for its end.
  void Kill();

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

// True as soon as `condition()` is; false if it is not within `timeout`.
template <typename Condition>
bool WaitUntil(Condition condition, milliseconds timeout);

void SleepFor(milliseconds time);

// ---------------------------------------------------------------------------------------------

template <typename Condition>
bool WaitUntil(Condition condition, milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    SleepFor(milliseconds(5));
  }
  return true;
}

}  // namespace reposfs::testing
