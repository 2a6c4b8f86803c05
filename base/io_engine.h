// Reads, writes and the like that many threads ask for and none waits in: the answer is a callback.
//
// There are two ways to carry them out, with the same behaviour: io_uring, where one thread hands
// batches of operations to the kernel and takes what is completed; and a few threads with ordinary
// system calls, where the kernel or a sandbox forbids io_uring.  Create() chooses.
//
// It pays where the disk can be slow and there is something else to do, or more to ask for: cold
// reads, streams to the disk.  What the page cache holds is read no faster than by pread(), and
// small files are created and removed more slowly than by a system call each (tests/bench).
//
//            Submit()              the kernel or a thread           its callback
//   (none) ------------> queued --------------------------> begun -------------> (none)
//                          |            Cancel()              | Cancel(): if it can still be
//                          stopped
//                          +--------------> kInterrupted <----+
//
// Thread-safety: every method may be called from any thread.  The engine has threads, so it may not
// be created before a fork() whose child goes on to use it.
//
// Invariants:
//   (1) Each operation's callback runs exactly once, on a thread of the engine, with no lock held.
//       Callbacks may run at the same time, and in any order.
//   (2) At most in_flight_count_max operations are queued or begun, and one more for each callback
//       that is running.
//   (3) A read or write that the kernel does in part is continued; EINTR and EAGAIN are not seen.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/io_buffer.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace reposfs {

// Runs on a thread that carries out everybody's operations: it may not block.
template <typename T>
using IoCallback = std::function<void(Result<T>)>;

// Descriptors, memory and what `directory` names stay valid until the callback; they are not owned.
// Names are relative to `directory` if they are relative.

// Reads until `into` is full or the file ends; answers with the number of bytes.
struct ReadOperation {
  int fd;
  std::uint64_t offset;
  std::span<char> into;
  IoCallback<std::size_t> done;
};

// Writes all of `from`.  If that fails, or is cancelled, any part of it may have been written.
struct WriteOperation {
  int fd;
  std::uint64_t offset;
  std::span<const char> from;
  IoCallback<void> done;
};

// fsync().  It has no order with writes in flight: wait for their callbacks first.
struct SyncOperation {
  int fd;
  IoCallback<void> done;
};

// Has the disk begin to write what is dirty of a range, so that a later fsync() has less to do.  It
// promises nothing: that is fsync()'s.
struct WritebackOperation {
  int fd;
  std::uint64_t offset;
  std::uint32_t size_bytes;
  IoCallback<void> done;
};

// O_CLOEXEC is added to `flags`.
struct OpenOperation {
  std::string path;
  int flags;
  unsigned mode = 0600;
  int directory = AT_FDCWD;
  IoCallback<UniqueFd> done;
};

// `flags` and `mask` are those of statx().
struct StatOperation {
  std::string path;
  int flags = AT_SYMLINK_NOFOLLOW;
  unsigned mask = STATX_BASIC_STATS;
  int directory = AT_FDCWD;
  IoCallback<struct statx> done;
};

// `flags` are those of unlinkat().
struct UnlinkOperation {
  std::string path;
  int flags = 0;
  int directory = AT_FDCWD;
  IoCallback<void> done;
};

using IoOperation = std::variant<ReadOperation, WriteOperation, SyncOperation, WritebackOperation,
                                 OpenOperation, StatOperation, UnlinkOperation>;

// Names an operation until its callback, and nothing afterwards.
using IoToken = std::uint64_t;

struct IoTask;

enum class IoEngineChoice { kAuto, kThreads };

struct IoEngineOptions {
  IoEngineChoice choice = IoEngineChoice::kAuto;
  std::size_t in_flight_count_max = 128;
  std::size_t thread_count_max = 8;  // Without io_uring.
  // All of them and the ring fit the 8 MiB of locked memory that systemd allows by default.
  std::size_t buffer_count = 6;
  std::size_t buffer_size_bytes = 1u << 20;
};

class IoEngine {
 public:
  // io_uring if it is chosen and allowed, else threads; never fails.
  static std::unique_ptr<IoEngine> Create(const IoEngineOptions& options);

  // Cancels what is in flight and waits for all of it.  REQUIRES: nobody but callbacks submits any
  // more; what those submit is cancelled.
  virtual ~IoEngine() = default;
  IoEngine(const IoEngine&) = delete;
  IoEngine& operator=(const IoEngine&) = delete;

  // Queues `operation`.  Blocks while too many are in flight, but never in a callback; there,
  // submit no more than one operation for the one that is done.
  IoToken Submit(IoOperation operation) REPOSFS_EXCLUDES(mutex_);

  // Queues several at once, which costs less than one by one.  The token is of the first, and each
  // next one's is one more.
  IoToken Submit(std::vector<IoOperation> batch) REPOSFS_EXCLUDES(mutex_);

  // Makes the operation end soon, with kInterrupted unless it is too late for that.  Its callback
  // runs as ever.  Does nothing if the operation is done.
  virtual void Cancel(IoToken token) = 0;

  // "io_uring" or "threads".
  virtual const char* name() const = 0;
  // Why not io_uring; empty if it is, or if it was not asked for.
  virtual const std::string& refusal() const = 0;

  // Both for a reader: "threads (io_uring_setup: Operation not permitted)".
  std::string Describe() const;

  IoBufferPool& buffers() { return buffers_; }
  std::size_t in_flight_count() const REPOSFS_EXCLUDES(mutex_);

 protected:
  using TaskPtr = std::unique_ptr<IoTask>;

  explicit IoEngine(const IoEngineOptions& options);

  // Takes over tasks, each of which ends in Finish().
  virtual void Start(std::vector<TaskPtr> tasks) = 0;

  // Runs the callback and frees the place.
  void Finish(TaskPtr task) REPOSFS_EXCLUDES(mutex_);
  void WaitUntilIdle() REPOSFS_EXCLUDES(mutex_);
  // Says that the calling thread is one of the engine, before it runs callbacks.
  void EnterThread();

 private:
  // Waits for at least one free place; returns how many of `wanted` are taken.
  std::size_t TakePlaces(std::size_t wanted) REPOSFS_EXCLUDES(mutex_);

  const std::size_t in_flight_count_max_;

  IoBufferPool buffers_;

  mutable Mutex mutex_;  // A leaf lock.
  CondVar freed_;
  std::size_t in_flight_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
  IoToken next_token_ REPOSFS_GUARDED_BY(mutex_) = 1;
};

}  // namespace reposfs
