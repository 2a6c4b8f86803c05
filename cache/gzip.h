// Makes large requests small.
#pragma once

#include <string>
#include <string_view>

namespace reposfs {

// `text` in the format of gzip (RFC 1952).
std::string Gzip(std::string_view text);

}  // namespace reposfs
