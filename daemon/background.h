// Starting the daemon so that the one who started it learns whether it works.
//
//   parent:  fork ----------------- wait for the pipe -- exit 0 (ready), or print why not and exit
//   1 child:        serve() ... Ready() or Failed() write to the pipe; Ready() then detaches
//
// Thread-safety: both functions must be called before the process has a second thread.
#pragma once

#include <functional>

#include "daemon/mount_command.h"

namespace reposfs {

// Calls `serve` in this process.  Failures go to standard error, readiness to systemd.
// Returns what `serve` returns.
int ServeInForeground(const std::function<int(ReadinessReporter&)>& serve);

// Calls `serve` in a child and returns, in the parent, once it is ready or has failed: 0 or 1.
// In the child it never returns.
int ServeInBackground(const std::function<int(ReadinessReporter&)>& serve);

}  // namespace reposfs
