// A secret that a file holds: the token of the ring, a password.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace reposfs {

// The secret in `file`: its only line, without control characters.
// Errors: those of ReadFile(); kInvalidArgument, which does not repeat what is in the file.
Result<std::string> ReadSecret(const std::filesystem::path& file);

}  // namespace reposfs
