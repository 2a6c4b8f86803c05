// The daemon itself, as the command line starts it.
//
// Thread-safety: RunMount() is called once, on the main thread, before there is any other.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/config.h"

namespace reposfs {

// How it is to be mounted; what users decide for longer than one mount is in Config::mount.
struct MountArguments {
  std::filesystem::path mountpoint;  // Absolute and normal.
  // Whether standard error is read by somebody: a terminal or the journal.  If not, the three
  // standard descriptors become /dev/null in ReadinessReporter::Ready().
  bool foreground = false;
  // Options for the kernel beyond those that are always part of the mount (noexec, context=...).
  std::vector<std::string> options;
};

// Where the daemon tells whoever started it how it goes.
//
// Thread-safety: each method may be called from any thread, but only one at a time.
class ReadinessReporter {
 public:
  virtual ~ReadinessReporter() = default;

  // The mount answers requests.  At most once, and not after Failed().  The command that mounts in
  // the background ends with status 0 now, and systemd starts what depends on the mount.
  virtual void Ready() = 0;

  // It will never be ready; `error` is shown to the user.  At most once, and not after Ready().
  virtual void Failed(const Error& error) = 0;

  // One line for `systemctl status`.  Does nothing elsewhere.
  virtual void Note(const std::string& line) = 0;

  // The daemon is about to end.
  virtual void Stopping() = 0;
};

// Mounts, serves until it is unmounted or a signal asks for the end, and cleans up.
//
// Returns the exit status: 0 after an orderly end, 1 after a failure, which was either given to
// reporter.Failed() or, once ready, logged.
int RunMount(const Config& config, const MountArguments& arguments, ReadinessReporter& reporter);

}  // namespace reposfs
