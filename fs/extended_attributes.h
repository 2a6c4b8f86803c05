// Extended attributes of a node, as getxattr(2) and listxattr(2) want them.
//
// Thread-safety: every function may be called from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fs/node.h"

namespace reposfs {

// Whether a node could have an attribute called `name`; says so without any node.
bool IsOurAttribute(std::string_view name);

// The value of attribute `name`, if `node` has it.
std::optional<std::string> ExtendedAttribute(Node& node, std::string_view name);

// The names of all attributes, each followed by a NUL.
std::string ExtendedAttributeNames(Node& node);

}  // namespace reposfs
