#include "daemon/doctor_report.h"

#include <algorithm>

#include "base/text.h"

namespace reposfs {
namespace {

std::string LevelName(CheckLevel level) {
  switch (level) {
    case CheckLevel::kOk:
      return "ok";
    case CheckLevel::kWarn:
      return "warn";
    case CheckLevel::kFail:
      return "FAIL";
  }
  return "";
}

Colour LevelColour(CheckLevel level) {
  if (level == CheckLevel::kOk) return Colour::kGreen;
  return level == CheckLevel::kWarn ? Colour::kYellow : Colour::kRed;
}

}  // namespace

std::string RenderChecks(const std::vector<CheckResult>& results, const Terminal& terminal) {
  std::size_t widest = 0;
  for (const auto& result : results) widest = std::max(widest, ColumnCount(result.name));
  std::string text;
  for (const auto& result : results) {
    const std::string level = LevelName(result.level);
    text += Coloured(terminal, LevelColour(result.level), level) +
            std::string(6 - level.size(), ' ') + result.name +
            std::string(widest - ColumnCount(result.name) + 2, ' ') + Printable(result.found) +
            (result.advice.empty() ? "" : "; " + Printable(result.advice)) + "\n";
  }
  return text;
}

nlohmann::json ChecksToJson(const std::vector<CheckResult>& results) {
  auto array = nlohmann::json::array();
  for (const auto& result : results) {
    array.push_back({{"name", result.name},
                     {"level", AsciiLower(LevelName(result.level))},
                     {"found", result.found},
                     {"advice", result.advice}});
  }
  return array;
}

bool AnyFailed(const std::vector<CheckResult>& results) {
  return std::any_of(results.begin(), results.end(),
                     [](const CheckResult& result) { return result.level == CheckLevel::kFail; });
}

}  // namespace reposfs
