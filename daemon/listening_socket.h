// The sockets on which the HTTP interface is reached.
//
// Thread-safety: pure functions.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace reposfs {

// A socket that only its owner may use.  What is left at `path` by a process that has died is
// replaced.
Result<UniqueFd> BindUnix(const std::filesystem::path& path);

// `text` is "host:port" with a numeric host; port 0 is any free one.
Result<UniqueFd> BindTcp(const std::string& text);

// Where `fd` is bound: "127.0.0.1:7420"; `asked` if that can't be told.
std::string BoundAddress(int fd, const std::string& asked);

}  // namespace reposfs
