// Which tags are releases, and how often there is one.
//
// Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "cache/insights.h"

namespace reposfs {

// A tag with a number in it.
bool LooksLikeRelease(std::string_view tag);
// "v2.0-rc1", "3.0.0-beta".
bool LooksLikePrerelease(std::string_view tag);

// The median of the days from one day with a release to the next one; prereleases do not count.
// Nothing if there are no two such days.
std::optional<double> CadenceDays(const std::vector<Release>& releases);

}  // namespace reposfs
