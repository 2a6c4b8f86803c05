// Reads fields of JSON objects that another version of the daemon may have left out.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/clock.h"

namespace reposfs {

// Each returns its default ("" and so on) if the field is absent, null or of another type.
std::string TextField(const nlohmann::json& object, const char* name);
std::uint64_t NumberField(const nlohmann::json& object, const char* name);
bool FlagField(const nlohmann::json& object, const char* name);
// The array itself, which must outlive the result; an empty one by default.
const nlohmann::json& ArrayField(const nlohmann::json& object, const char* name);

// "3 min ago" for an ISO-8601 field, "never" by default.
std::string AgeField(const nlohmann::json& object, const char* name, WallTime now);

}  // namespace reposfs
