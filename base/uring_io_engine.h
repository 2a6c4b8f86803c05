// An IoEngine over io_uring (Linux 5.11 and newer), with one thread.
//
// That thread alone touches the ring, so the kernel never sees an operation whose thread has ended
// (it would cancel it), and its completions need no interrupts.  Others leave their tasks in an
// inbox and wake it through an eventfd, of which a read is always in the ring.
//
// Thread-safety: that of IoEngine.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/io_engine.h"
#include "base/unique_fd.h"

namespace reposfs {

class UringIoEngine final : public IoEngine {
 public:
  // Errors: whatever the kernel or a sandbox has against it; kUnsupported if it is too old.
  static Result<std::unique_ptr<UringIoEngine>> Create(const IoEngineOptions& options);

  ~UringIoEngine() override;

  void Cancel(IoToken token) override REPOSFS_EXCLUDES(inbox_mutex_);
  const char* name() const override { return "io_uring"; }
  const std::string& refusal() const override { return refusal_; }

  // Whether operations on leased buffers are spared the look-up of their pages.  Not before the
  // first of them, and not where RLIMIT_MEMLOCK is too low for it.
  bool buffers_registered() const { return buffers_registered_; }

 private:
  class Loop;

  // What the loop has not seen yet.
  struct Inbox {
    std::vector<TaskPtr> tasks;
    std::vector<IoToken> cancelled;
    bool stop = false;

    bool empty() const { return tasks.empty() && cancelled.empty() && !stop; }
  };

  UringIoEngine(const IoEngineOptions& options, UniqueFd wake);

  void Start(std::vector<TaskPtr> tasks) override REPOSFS_EXCLUDES(inbox_mutex_);
  Inbox TakeInbox() REPOSFS_EXCLUDES(inbox_mutex_);
  void Wake();

  const std::string refusal_;
  const UniqueFd wake_;

  // Only shown to others, and orders nothing: any order suffices.
  std::atomic<bool> buffers_registered_{false};

  Mutex inbox_mutex_;  // A leaf lock.
  Inbox inbox_ REPOSFS_GUARDED_BY(inbox_mutex_);

  // The kernel writes it, as long as the thread lives.
  std::uint64_t wake_count_ = 0;

  std::thread thread_;  // Last: it uses the others.
};

}  // namespace reposfs
