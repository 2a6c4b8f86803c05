#include "daemon/value_parsing.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <system_error>

#include "base/text.h"

namespace reposfs {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 5> kDurationUnits = {{
    {"d", 86'400'000},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
}};

// Longest first where one is written with the other's factor, so that formatting is stable.
constexpr std::array<Unit, 14> kSizeUnits = {{
    {"TiB", 1ull << 40},
    {"GiB", 1ull << 30},
    {"MiB", 1ull << 20},
    {"KiB", 1ull << 10},
    {"TB", 1'000'000'000'000},
    {"GB", 1'000'000'000},
    {"MB", 1'000'000},
    {"kB", 1'000},
    {"KB", 1'000},
    {"T", 1ull << 40},
    {"G", 1ull << 30},
    {"M", 1ull << 20},
    {"K", 1ull << 10},
    {"B", 1},
}};

Error Refuse(std::string_view text, std::string_view why) {
  return Error{Errc::kInvalidArgument, "\"" + std::string(text) + "\" " + std::string(why)};
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// The number that `text` starts with, and what follows it; nothing if it starts with no number.
struct NumberAndRest {
  double number;
  std::string_view rest;
};
std::optional<NumberAndRest> SplitNumber(std::string_view text) {
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  return NumberAndRest{number, Trim(text.substr(static_cast<std::size_t>(end - text.data())))};
}

// Reads `<number><unit>`; doubles are exact here, since 2^53 is more than any sensible value.
template <std::size_t N>
std::optional<std::uint64_t> ParseWithUnit(std::string_view text,
                                           const std::array<Unit, N>& units) {
  constexpr double kLargest = 9007199254740992.0;  // 2^53
  const auto split = SplitNumber(Trim(text));
  if (!split) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name != split->rest) continue;
    const double value = split->number * static_cast<double>(unit.factor);
    if (value > kLargest) return std::nullopt;
    return static_cast<std::uint64_t>(std::llround(value));
  }
  return std::nullopt;
}

template <std::size_t N>
std::string FormatWithUnit(std::uint64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (value >= unit.factor && value % unit.factor == 0) {
      return std::to_string(value / unit.factor) + std::string(unit.name);
    }
  }
  return "0";
}

Result<Quota> ParsePercent(std::string_view text, std::size_t percent_sign) {
  const std::string_view after = Trim(text.substr(percent_sign + 1));
  if (!after.empty() && after != "of the file system") {
    return Refuse(text, "is no quota; write for example 100GiB, 80% or 80% of the file system");
  }
  const auto percent = ParseInteger(Trim(text.substr(0, percent_sign)), {1, 100});
  if (!percent) return Refuse(text, "is no share of the file system; write 1% to 100%");
  Quota quota;
  quota.percent = static_cast<int>(percent.value());
  return quota;
}

}  // namespace

std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Result<milliseconds> ParseDuration(std::string_view text) {
  if (Trim(text) == "0") return milliseconds(0);
  const auto value = ParseWithUnit(text, kDurationUnits);
  if (!value) return Refuse(text, "is no duration; write for example 250ms, 10s, 2m, 8h or 7d");
  // A century: above it, adding to a clock could overflow.
  constexpr std::uint64_t kLongest = 36'525ull * 86'400'000ull;
  if (*value > kLongest) return Refuse(text, "is too long a duration; 36525d is the longest");
  return milliseconds(static_cast<std::int64_t>(*value));
}

std::string FormatDuration(milliseconds duration) {
  return FormatWithUnit(static_cast<std::uint64_t>(duration.count()), kDurationUnits);
}

Result<std::uint64_t> ParseSize(std::string_view text) {
  const std::string_view trimmed = Trim(text);
  const bool only_digits = trimmed.find_first_not_of("0123456789") == std::string_view::npos;
  const auto value = only_digits && !trimmed.empty()
                         ? ParseWithUnit(std::string(trimmed) + "B", kSizeUnits)
                         : ParseWithUnit(trimmed, kSizeUnits);
  if (!value) return Refuse(text, "is no size; write for example 100GiB, 5MB or 4096 (bytes)");
  return *value;
}

std::string FormatSize(std::uint64_t bytes) {
  return FormatWithUnit(bytes, kSizeUnits);
}

Result<Quota> ParseQuota(std::string_view text) {
  if (const auto sign = text.find('%'); sign != std::string_view::npos) {
    return ParsePercent(text, sign);
  }
  const auto bytes = ParseSize(text);
  if (!bytes) return Refuse(text, "is no quota; write for example 100GiB or 80%");
  if (bytes.value() == 0) return Refuse(text, "is no quota; it must be more than 0");
  Quota quota;
  quota.bytes = bytes.value();
  return quota;
}

std::string FormatQuota(const Quota& quota) {
  return quota.percent ? std::to_string(*quota.percent) + "%" : FormatSize(quota.bytes);
}

Result<bool> ParseBool(std::string_view text) {
  const std::string lower = AsciiLower(Trim(text));
  if (lower == "true" || lower == "yes" || lower == "on") return true;
  if (lower == "false" || lower == "no" || lower == "off") return false;
  return Refuse(text, "is neither true nor false");
}

Result<std::int64_t> ParseInteger(std::string_view text, IntegerRange range) {
  const std::string_view digits = Trim(text);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (whole && value >= range.minimum && value <= range.maximum) return value;
  return Refuse(text, "is no whole number from " + std::to_string(range.minimum) + " to " +
                          std::to_string(range.maximum));
}

}  // namespace reposfs
