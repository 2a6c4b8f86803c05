#include "daemon/human_text.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace reposfs {

std::string HumanBytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.95 would be printed as 1024.0.
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), value < 99.95 ? "%.1f %s" : "%.0f %s", value,
                kUnits[unit]);
  return text.data();
}

std::string HumanDuration(std::chrono::seconds duration) {
  const auto seconds = duration.count();
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return std::to_string(seconds / 60) + " min";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86'400) + " d";
}

std::string HumanAge(WallTime time, WallTime now) {
  using std::chrono::duration_cast;
  const auto age = duration_cast<std::chrono::seconds>(now - time);
  if (age.count() < 0) return "in " + HumanDuration(-age);
  if (age.count() < 2) return "just now";
  return HumanDuration(age) + " ago";
}

std::optional<WallTime> ParseIso8601(std::string_view text) {
  std::tm parts{};
  const std::string terminated(text);
  const char* end = ::strptime(terminated.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr || (*end != 'Z' && *end != '.')) return std::nullopt;
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

}  // namespace reposfs
