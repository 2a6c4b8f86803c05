// An IoEngine of ordinary system calls on a few threads.
//
// Thread-safety: that of IoEngine.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/io_engine.h"
#include "base/thread_pool.h"

namespace reposfs {

class ThreadIoEngine final : public IoEngine {
 public:
  // `refusal`: why it is not io_uring.
  ThreadIoEngine(const IoEngineOptions& options, std::string refusal);
  ~ThreadIoEngine() override;

  void Cancel(IoToken token) override REPOSFS_EXCLUDES(queue_mutex_);
  const char* name() const override { return "threads"; }
  const std::string& refusal() const override { return refusal_; }

 private:
  void Start(std::vector<TaskPtr> tasks) override REPOSFS_EXCLUDES(queue_mutex_);
  void CarryOut(IoToken token) REPOSFS_EXCLUDES(queue_mutex_);

  const std::string refusal_;

  Mutex queue_mutex_;  // A leaf lock.
  std::unordered_map<IoToken, TaskPtr> queued_ REPOSFS_GUARDED_BY(queue_mutex_);
  bool stopping_ REPOSFS_GUARDED_BY(queue_mutex_) = false;

  ThreadPool pool_;  // Last: its threads use the others.
};

}  // namespace reposfs
