// Gives freed memory back to the system.
//
// glibc returns by itself only what is free at the end of a heap; what was freed elsewhere stays
// with the process, however much it is.  malloc_trim() returns nearly every free page, but costs
// milliseconds in which other threads may wait for memory.  It is worth that only after a lot was
// freed, and when the freeing is over: pages go back only when the last byte in them is free.
//
// So whoever frees a lot notes it here, and every cache asks once a second whether it is time.
//
// Thread-safety: all functions may be called from any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/mutex.h"

namespace reposfs {

class FreedMemory {
 public:
  // Of the one heap that there is.
  static FreedMemory& OfProcess();

  // About `size_bytes` have been freed.
  void NoteFreed(std::size_t size_bytes) {
    noted_bytes_.fetch_add(size_bytes, std::memory_order_relaxed);  // Orders nothing else.
  }

  // Gives back what is free if much was noted since the last time, and little since the last call.
  // Returns whether it did.
  bool GiveBackIfDue();

 private:
  // Whether it is time; who is told so gives back.
  bool TakeTurn();

  std::atomic<std::uint64_t> noted_bytes_{0};
  Mutex mutex_;  // A leaf lock.
  std::uint64_t noted_bytes_at_last_call_ REPOSFS_GUARDED_BY(mutex_) = 0;
  std::uint64_t given_back_bytes_ REPOSFS_GUARDED_BY(mutex_) = 0;  // Of noted_bytes_.
};

}  // namespace reposfs
