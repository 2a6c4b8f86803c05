// Reads a YAML file into a Config, key by key, refusing whatever it does not know.
//
// Of all files only config_yaml.cc and config_print.cc include yaml-cpp.
//
// Thread-safety: a pure function.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/config.h"

namespace reposfs {

// Applies `text`, the content of the file called `file_name` in messages, to `config`.
// Errors: kInvalidArgument, kUnsupported, as `<file_name>:<line>: <key>: <what is wrong>`.
Status ApplyYaml(const std::string& text, const std::string& file_name, Config& config);

// Reads a list of nodes as in ring.nodes, the text of ring.nodesFile.
// Errors: kInvalidArgument, as `line N: <what is wrong>`.
Result<std::vector<Member>> ParseMembersYaml(const std::string& text);

}  // namespace reposfs
