// Wall-clock time, as a seam: the order of eviction and the age of refs are tested without waiting.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace reposfs {

// Milliseconds since the epoch, as the catalog stores them.  The epoch itself means "never".
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  WallTime Now() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
  }
};

constexpr std::int64_t ToMs(WallTime time) {
  return time.time_since_epoch().count();
}
constexpr WallTime FromMs(std::int64_t ms) {
  return WallTime(std::chrono::milliseconds(ms));
}

// "2026-01-02T03:04:05Z".
std::string ToIso8601(WallTime time);

}  // namespace reposfs
