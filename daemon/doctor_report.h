// What `reposfs doctor` found, and how it is shown.
//
// Thread-safety: pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/terminal.h"

namespace reposfs {

enum class CheckLevel { kOk, kWarn, kFail };

struct CheckResult {
  std::string name;
  CheckLevel level = CheckLevel::kOk;
  std::string found;
  std::string advice;  // What to do; empty if kOk.
};

// One line for each result: `warn  git  2.30.2; install git 2.36 or newer`.
std::string RenderChecks(const std::vector<CheckResult>& results, const Terminal& terminal);

// [{name, level: ok, warn or fail, found, advice}]
nlohmann::json ChecksToJson(const std::vector<CheckResult>& results);

bool AnyFailed(const std::vector<CheckResult>& results);

}  // namespace reposfs
