// A bounded pool of named threads.
//
// Threads are started as work arrives and kept; a pool that is never used costs nothing.
//
// Thread-safety: every method may be called from any thread, Stop() from one that is not a worker.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace reposfs {

class ThreadPool {
 public:
  // At most `thread_count_max` threads, named `name` as `top -H` shows them (15 bytes at most).
  ThreadPool(std::string name, std::size_t thread_count_max);
  ~ThreadPool();  // Stop()
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Runs `task` on one of the threads, in the order of arrival.  After Stop() it is dropped.  The
  // queue has no limit of its own: who submits bounds what it submits.
  void Submit(std::function<void()> task) REPOSFS_EXCLUDES(mutex_);

  // Finishes the running tasks, drops the queued ones, and joins.
  void Stop() REPOSFS_EXCLUDES(mutex_);

 private:
  void Work() REPOSFS_EXCLUDES(mutex_);

  const std::string name_;
  const std::size_t thread_count_max_;

  Mutex mutex_;  // A leaf lock: tasks run without it.
  CondVar changed_;
  std::deque<std::function<void()>> queue_ REPOSFS_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ REPOSFS_GUARDED_BY(mutex_);
  std::size_t idle_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
  bool stopping_ REPOSFS_GUARDED_BY(mutex_) = false;
};

// Names the calling thread.
void SetThreadName(const std::string& name);

}  // namespace reposfs
