// Whether settings that are right each by itself agree with each other.
//
// Thread-safety: pure functions.
#pragma once

#include "base/result.h"
#include "daemon/config.h"

namespace reposfs {

// Settings that follow from others: a ring serves git to its nodes.
void CompleteConfig(Config& config);

// Ok if a ring has members and this node is one of them, if files that need each other are both
// named, and if nobody can ask for repositories whom no setting names.
//
// Errors: kInvalidArgument, with the key that is missing or wrong and what to do.
Status CheckConfig(const Config& config);

}  // namespace reposfs
