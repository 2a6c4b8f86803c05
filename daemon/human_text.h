// Sizes and times as people read them.
//
// Thread-safety: pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace reposfs {

// "0 B", "512 B", "1.3 GiB": at most four digits and a unit of 1024.
std::string HumanBytes(std::uint64_t bytes);

// "12 s", "3 min", "5 h", "2 d": rounded down to one unit.
std::string HumanDuration(std::chrono::seconds duration);

// "just now", "3 min ago"; a time that is yet to come is "in 3 min".
std::string HumanAge(WallTime time, WallTime now);

// Reads "2026-01-02T03:04:05Z", also with a fraction of a second, which is dropped.
std::optional<WallTime> ParseIso8601(std::string_view text);

}  // namespace reposfs
