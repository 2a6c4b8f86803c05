// The moment by which a call that blocks must be back.
#pragma once

#include <algorithm>
#include <chrono>

namespace reposfs {

using Deadline = std::chrono::steady_clock::time_point;

// At least 0; rounded up, so that who waits for it does not come too early.
inline std::chrono::milliseconds TimeLeft(Deadline deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  return std::max(std::chrono::milliseconds(0), std::chrono::ceil<std::chrono::milliseconds>(left));
}

}  // namespace reposfs
