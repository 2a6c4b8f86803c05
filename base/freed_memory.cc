#include "base/freed_memory.h"

#include <malloc.h>

namespace reposfs {
namespace {

constexpr std::uint64_t kMuchBytes = 2u << 20;
constexpr std::uint64_t kLittleBytes = 256u << 10;

}  // namespace

FreedMemory& FreedMemory::OfProcess() {
  static FreedMemory of_process;
  return of_process;
}

bool FreedMemory::TakeTurn() {
  MutexLock lock(mutex_);
  const std::uint64_t noted_bytes = noted_bytes_.load(std::memory_order_relaxed);
  const std::uint64_t since_last_call_bytes = noted_bytes - noted_bytes_at_last_call_;
  noted_bytes_at_last_call_ = noted_bytes;
  if (noted_bytes - given_back_bytes_ < kMuchBytes) return false;
  if (since_last_call_bytes > kLittleBytes) return false;
  given_back_bytes_ = noted_bytes;
  return true;
}

bool FreedMemory::GiveBackIfDue() {
  if (!TakeTurn()) return false;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return true;
}

}  // namespace reposfs
