// The insights as one page of HTML, complete in itself.
//
// No script, nothing from elsewhere (its Content-Security-Policy says so), light and dark as the
// reader's system is, good from 320 pixels of width on.
//
// Thread-safety: a pure function.
#pragma once

#include <string>

#include "cache/insights.h"

namespace reposfs {

std::string InsightsPage(const Insights& insights);

}  // namespace reposfs
