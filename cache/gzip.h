// Makes large requests small, and large again.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace reposfs {

// `text` in the format of gzip (RFC 1952).
std::string Gzip(std::string_view text);

// What Gzip() made, or any other program.  Errors: kNoSpace if it is more than `size_max_bytes`,
// which takes no more memory than that; kCorrupt.
Result<std::string> Gunzip(std::string_view gzipped, std::size_t size_max_bytes);

}  // namespace reposfs
