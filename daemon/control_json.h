// What the control interface says in more than one place, as JSON.
//
// Thread-safety: pure functions of what they are given.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/clock.h"
#include "cache/repository_cache.h"

namespace reposfs {

// ISO-8601, or null for "never".
nlohmann::ordered_json TimeJson(WallTime time);
// Null for "".
nlohmann::ordered_json TextOrNull(const std::string& text);
nlohmann::ordered_json ProgressJson(const ActiveTransfer& transfer);
nlohmann::ordered_json RepositoryJson(const RepositoryCache& cache, const Repository& repository);
// Of one repository, or of all if `key` is empty.
nlohmann::ordered_json JobsJson(const RepositoryCache& cache, const std::string& key);
nlohmann::ordered_json EvictionsJson(const RepositoryCache& cache, const std::string& key);

}  // namespace reposfs
