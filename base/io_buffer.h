// Large aligned buffers that are leased for reads and writes, and used again and again.
//
// An IoEngine may register the memory of its pool with the kernel, which then need not look up and
// pin the pages for each operation.  That memory is bounded, so a pool never makes anybody wait for
// it: when all of its buffers are out, a lease is ordinary memory of the same size and alignment.
// Whoever leases bounds how many leases it holds.
//
// Thread-safety: IoBufferPool: every method may be called from any thread.  IoBuffer: as a pointer.
//
// Invariants:
//   (1) A pool allocates nothing before the first lease, and maps at most count x size bytes.
//   (2) Two leases never share a byte.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/mutex.h"

namespace reposfs {

class IoBufferPool;

// A lease.  Ends when it is destroyed; no operation may be using it then.
class IoBuffer {
 public:
  IoBuffer() = default;
  IoBuffer(IoBuffer&& other) noexcept;
  IoBuffer& operator=(IoBuffer&& other) noexcept;
  ~IoBuffer();

  explicit operator bool() const { return data_ != nullptr; }
  std::span<char> bytes() const { return {data_, size_bytes_}; }

 private:
  friend class IoBufferPool;
  IoBuffer(IoBufferPool* pool, char* data, std::size_t size_bytes)
      : pool_(pool), data_(data), size_bytes_(size_bytes) {}

  IoBufferPool* pool_ = nullptr;  // Null if the memory is this lease's own.
  char* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

class IoBufferPool {
 public:
  static constexpr std::size_t kAlignmentBytes = 4096;

  // REQUIRES: size_bytes is a multiple of kAlignmentBytes, and not 0.
  IoBufferPool(std::size_t count, std::size_t size_bytes);
  // REQUIRES: every lease has ended.
  ~IoBufferPool();
  IoBufferPool(const IoBufferPool&) = delete;
  IoBufferPool& operator=(const IoBufferPool&) = delete;

  // Never blocks, never fails; the content is whatever it was.
  IoBuffer Lease() REPOSFS_EXCLUDES(mutex_);

  std::size_t count() const { return count_; }
  std::size_t size_bytes() const { return size_bytes_; }

  // The memory of all buffers, one after the other; empty before the first lease.
  std::span<char> memory() const;
  // The buffer of the pool that `bytes` lie in whole, if they lie in one.
  std::optional<std::size_t> IndexOf(std::span<const char> bytes) const;

 private:
  friend class IoBuffer;
  void Return(char* data) REPOSFS_EXCLUDES(mutex_);
  void MapLocked() REPOSFS_REQUIRES(mutex_);

  const std::size_t count_;
  const std::size_t size_bytes_;

  // Written once, by the first lease; whoever holds a lease sees it.
  std::atomic<char*> memory_{nullptr};

  Mutex mutex_;  // A leaf lock.
  bool mapped_ REPOSFS_GUARDED_BY(mutex_) = false;
  std::vector<char*> free_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
