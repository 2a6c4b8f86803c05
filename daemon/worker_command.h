// A process that runs chosen kinds of jobs and shows nothing.
//
// Whatever becomes of it, the mount goes on: its jobs are given to others.
//
// Thread-safety: RunWorker() is called once, on the main thread, before there is any other.
#pragma once

#include "daemon/mount_command.h"

namespace reposfs {

// Runs jobs of config.jobs.kinds until a signal asks for the end.  Returns the exit status: 0 after
// an orderly end, 1 after a failure, which was given to reporter.Failed().
int RunWorker(const Config& config, ReadinessReporter& reporter);

}  // namespace reposfs
