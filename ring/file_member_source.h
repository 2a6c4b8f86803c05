// Members that a file lists: a ConfigMap, or what a configuration tool writes.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ring/member_source.h"

namespace reposfs {

// Reads the text of the file.  Errors: kInvalidArgument.
using ParseMembers = std::function<Result<std::vector<Member>>(const std::string& text)>;

// Reads `file` (at most 1 MiB) again and again, so that it does not matter how it is replaced:
// Kubernetes swaps a symbolic link above it.
std::unique_ptr<MemberSource> MakeFileMemberSource(
    std::filesystem::path file, ParseMembers parse,
    std::chrono::milliseconds read_every = std::chrono::seconds(1));

}  // namespace reposfs
