// Runs a child process under limits and reads what it says.
//
// Everything that talks to an upstream runs in such a child: whatever a hostile server sends, the
// worst it does is to use up the child's memory, time or bytes.  The child leads a process group of
// its own that is killed whole when it ends or must end, and dies with this process.
//
// Thread-safety: RunProcess() may be called from any thread; it blocks that thread until the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reposfs {

struct ProcessOptions {
  std::vector<std::string> argv;         // argv[0] is looked up in PATH.
  std::vector<std::string> environment;  // The whole of it, as NAME=value.
  std::filesystem::path directory;       // Empty: this process's own.
  std::string input;                     // Given on standard input, then end of file.

  std::uint64_t memory_max_bytes = 0;         // RLIMIT_DATA; 0 is no limit.
  std::uint64_t file_max_bytes = 0;           // RLIMIT_FSIZE; 0 is no limit.
  std::size_t output_max_bytes = 256u << 20;  // Of standard output; more ends the child: kNoSpace.
  std::chrono::milliseconds timeout = std::chrono::hours(24);  // Then kTimedOut.

  // Called about every 50 ms; a failure ends the child and becomes the result.
  std::function<Status()> supervise;
  // Standard error as it arrives.
  std::function<void(std::string_view)> on_errors;
};

struct ProcessResult {
  int exit_code = 0;   // If it ended by itself.
  int signal = 0;      // If a signal ended it, else 0.
  std::string output;  // Standard output.
  std::string errors;  // The last 16 KiB of standard error.

  bool ok() const { return exit_code == 0 && signal == 0; }
};

// Errors: those of `supervise`; kTimedOut and kNoSpace as above; kNotFound if there is no such
// program; kIo.  That the child fails is no Error: look at the result.
Result<ProcessResult> RunProcess(const ProcessOptions& options);

}  // namespace reposfs
