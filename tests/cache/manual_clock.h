// A clock that the test moves.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace reposfs {

// Thread-safety: every method may be called from any thread.
class ManualClock final : public Clock {
 public:
  WallTime Now() const override { return WallTime(std::chrono::milliseconds(now_ms_.load())); }
  void Advance(std::chrono::milliseconds by) { now_ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_ms_{1'800'000'000'000};
};

}  // namespace reposfs
