// Which processes use a repository, and which one changes its directory.
//
// The daemon and its workers share the directories of repositories.  Locks of two bytes of a file
// keep them apart: who uses a repository shares the first, who evicts it has the first alone, who
// moves packs into it has the second.  The kernel gives them up when a process dies.  A process
// that hangs while it holds one must not take the others along, so nobody waits for ever.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <filesystem>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace reposfs {

class RepositoryLock {
 public:
  // The users in this process have the lock together.  Waits for another process that evicts, which
  // takes a transaction and a rename.  False if that takes suspiciously long, or if the file can't
  // be opened: the users go on without the lock, and the next ones try again, without waiting.
  bool Share(const std::filesystem::path& file) REPOSFS_EXCLUDES(mutex_);
  // False if another process uses the repository, or if that can't be found out.
  bool TryOwn(const std::filesystem::path& file) REPOSFS_EXCLUDES(mutex_);
  // Nobody in this process uses it any more.
  void Release() REPOSFS_EXCLUDES(mutex_);

  // Errors: kTimedOut if another process has it for suspiciously long; those of OpenFile().
  Status LockContent(const std::filesystem::path& file) REPOSFS_EXCLUDES(mutex_);
  void UnlockContent() REPOSFS_EXCLUDES(mutex_);

 private:
  Status OpenLocked(const std::filesystem::path& file) REPOSFS_REQUIRES(mutex_);

  Mutex mutex_;  // A leaf lock; I/O on a lock file only.
  UniqueFd file_ REPOSFS_GUARDED_BY(mutex_);
  bool patient_ REPOSFS_GUARDED_BY(mutex_) = true;  // Share() has not waited in vain.
};

}  // namespace reposfs
