// The one place where an Error becomes what the caller of a system call sees.
#pragma once

#include "base/result.h"

namespace reposfs {

// The errno of DESIGN.md's table of what goes wrong.
int ErrnoOf(Errc code);

}  // namespace reposfs
