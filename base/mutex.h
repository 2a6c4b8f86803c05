// A mutex and a condition variable that clang's thread-safety analysis understands.
//
// libstdc++'s std::mutex carries no capability attributes, so -Wthread-safety can't check what it
// guards.  Everything in reposfs locks through these two instead.  GCC ignores the attributes.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define REPOSFS_ATTRIBUTE(x) __attribute__((x))
#else
#define REPOSFS_ATTRIBUTE(x)
#endif

#define REPOSFS_GUARDED_BY(mutex) REPOSFS_ATTRIBUTE(guarded_by(mutex))
#define REPOSFS_REQUIRES(...) REPOSFS_ATTRIBUTE(requires_capability(__VA_ARGS__))
// For what the analysis can't follow; a comment says who holds the lock.
#define REPOSFS_UNCHECKED REPOSFS_ATTRIBUTE(no_thread_safety_analysis)
#define REPOSFS_EXCLUDES(...) REPOSFS_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace reposfs {

class REPOSFS_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() REPOSFS_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void Unlock() REPOSFS_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a Mutex for the lifetime of a scope.
class REPOSFS_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) REPOSFS_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() REPOSFS_ATTRIBUTE(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Wakes threads that wait for a change of what a Mutex guards.  Wake-ups can be spurious: call
// Wait() in a loop that tests the condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) REPOSFS_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  // Returns when notified, or when `timeout` has passed.
  void WaitFor(Mutex& mutex, std::chrono::milliseconds timeout) REPOSFS_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait_for(lock, timeout);
    lock.release();
  }

  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace reposfs
