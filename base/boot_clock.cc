#include "base/boot_clock.h"

#include <time.h>

#include "base/file_util.h"

namespace reposfs {

BootClock::time_point BootClock::now() noexcept {
  struct timespec time {};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

std::string BootId() {
  constexpr std::size_t kMaxBytes = 64;
  auto id = ReadFile("/proc/sys/kernel/random/boot_id", kMaxBytes);
  if (!id) return "";
  while (!id->empty() && id->back() == '\n') id->pop_back();
  return std::move(*id);
}

}  // namespace reposfs
