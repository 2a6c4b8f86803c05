// Files of a view that are in no commit: what reposfs knows about the repository.
#pragma once

#include <string>
#include <vector>

#include "fs/node.h"
#include "fs/view.h"

namespace reposfs {

// ".insights.html" and ".insights.json".
const std::vector<std::string>& VirtualFileNames();

// Null if `name` is none of them.  Each content is a node of its own, so a file that is open stays
// what it was.  REQUIRES: view->commit() has returned a value.
NodePtr MakeVirtualFile(const ViewPtr& view, const std::string& name);

}  // namespace reposfs
