// Child processes under limits: run whole, or talked with piece by piece.
//
// Everything that talks to an upstream runs in such a child: whatever a hostile server sends, the
// worst it does is to use up the child's memory, time or bytes.  The child leads a process group of
// its own that is killed whole when it ends or must end, and dies with this process.
//
// Thread-safety: RunProcess() may be called from any thread; it blocks that thread until the end.
// A Process belongs to one thread, which must not end before it: the child dies with that thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
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
  std::size_t output_max_bytes = 256u << 20;  // Of output not yet read; more is kNoSpace.
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

// A child that is given its input, and tells its output, while it runs.
//
//   Start() --> Write()/Read() in any order --> Wait() --> ended
//                     |
//                     +--~Process()--> killed
//
// Only while one of the calls below blocks is the child supervised, its time counted against its
// limit, and its standard error read.
//
// Errors of every call: those of `supervise`; kTimedOut and kNoSpace as above; kIo.  That the child
// fails is no Error: look at the result.  After an Error only the destructor may be called.
class Process {
 public:
  // Further errors: kNotFound if there is no such program.  `options.input` is not used.
  static Result<Process> Start(ProcessOptions options);

  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();  // Kills what still runs.

  // Gives `bytes` to the child, whose output is kept meanwhile.  Returns false if the child reads
  // no more: Wait() tells why.
  Result<bool> Write(std::string_view bytes);
  void CloseInput();

  // What the child says next; empty when it will say nothing more.
  Result<std::string> Read();

  // Closes the input and blocks until the child has ended.  REQUIRES: called once, as the last.
  Result<ProcessResult> Wait();

 private:
  class Conversation;
  explicit Process(std::unique_ptr<Conversation> conversation);

  std::unique_ptr<Conversation> conversation_;
};

// Starts, writes `options.input`, and waits.  Errors: those of Process.
Result<ProcessResult> RunProcess(const ProcessOptions& options);

}  // namespace reposfs
