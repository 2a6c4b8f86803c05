// Time since the machine was started, the time that it was suspended included.
//
// A lease that somebody else counts goes on while this machine sleeps, so the monotonic clock,
// which stands still then, must not measure it.  All processes of a machine read the same value.
#pragma once

#include <chrono>
#include <string>

namespace reposfs {

struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept;
};

// Differs after each start of the machine.  Empty if the kernel does not tell.
std::string BootId();

}  // namespace reposfs
