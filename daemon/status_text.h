// The daemon's answers as text for people.
//
// Thread-safety: pure functions.  Everything they return is printable.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/clock.h"
#include "daemon/terminal.h"

namespace reposfs {

// The answer of /v1/status.
std::string RenderStatus(const nlohmann::json& status, WallTime now, const Terminal& terminal);

// The answer of /v1/repos, sorted by key.
std::string RenderRepositories(const nlohmann::json& repositories, WallTime now,
                               const Terminal& terminal);

// The answer of /v1/repos/{key}.
std::string RenderRepository(const nlohmann::json& repository, WallTime now,
                             const Terminal& terminal);

// The answer of /v1/jobs, or the jobs of one repository.
std::string RenderJobs(const nlohmann::json& jobs, WallTime now, const Terminal& terminal);

}  // namespace reposfs
