// Durations, sizes and other words of the configuration, from text and back.
//
// Every Parse* function refuses what it does not understand with a message that shows a right
// example; every Format* function writes what its Parse* twin reads back to the same value.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/options.h"

namespace reposfs {

// "250ms", "10s", "2m", "8h", "7d", fractions ("1.5h"), or "0".  Errors: kInvalidArgument.
Result<milliseconds> ParseDuration(std::string_view text);
std::string FormatDuration(milliseconds duration);

// "100GiB" (powers of 1024), "5MB" (powers of 1000), "4096" (bytes).  Errors: kInvalidArgument.
Result<std::uint64_t> ParseSize(std::string_view text);
std::string FormatSize(std::uint64_t bytes);

// A size above 0, "80%" or "80% of the file system" with 1..100.  Errors: kInvalidArgument.
Result<Quota> ParseQuota(std::string_view text);
std::string FormatQuota(const Quota& quota);

// true, false, yes, no, on, off.  Errors: kInvalidArgument.
Result<bool> ParseBool(std::string_view text);

// A whole decimal number within [minimum, maximum].  Errors: kInvalidArgument.
struct IntegerRange {
  std::int64_t minimum;
  std::int64_t maximum;
};
Result<std::int64_t> ParseInteger(std::string_view text, IntegerRange range);

// `text` without spaces and tabs at either end.
std::string_view Trim(std::string_view text);

}  // namespace reposfs
