// What `reposfs ring` shows, from the answers of the HTTP interface.
//
// Thread-safety: pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/clock.h"
#include "daemon/terminal.h"

namespace reposfs {

// Of GET /v1/ring.
std::string RenderRing(const nlohmann::json& ring, WallTime now, const Terminal& terminal);

// Of GET /v1/ring/owners/...
std::string RenderOwners(const nlohmann::json& owners, WallTime now, const Terminal& terminal);

}  // namespace reposfs
