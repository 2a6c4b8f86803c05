// What a process that serves does before anything else.
//
// Thread-safety: called once, on the main thread, before there is any other.
#pragma once

#include "base/result.h"
#include "daemon/config.h"

namespace reposfs {

enum class LogTarget {
  kStandardError,  // Somebody reads it: a terminal, or the journal.
  kFile,           // reposfs.log in the cache directory.
};

// Makes the cache directory and its owner's alone, sets limits and signals up, and begins to log.
// SIGINT, SIGTERM and SIGHUP are blocked in this thread and those that it will start.
Status PrepareProcess(const Config& config, LogTarget target);

}  // namespace reposfs
