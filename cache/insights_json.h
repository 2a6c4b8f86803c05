// The insights as JSON; deploy/insights.schema.json describes every field.
//
// Thread-safety: pure functions.
#pragma once

#include <string>

#include "cache/insights.h"

namespace reposfs {

// One object, indented, with a newline at its end.
std::string InsightsJson(const Insights& insights);

// "2026-01-02T03:04:05Z"; empty for a time that has no year of four digits.
std::string TimeText(std::int64_t time_s);

}  // namespace reposfs
