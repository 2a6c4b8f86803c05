// git's delta: a new object told as copies from another one and new bytes between them.
//
// Source of the format: git's Documentation/gitformat-pack.txt, "Deltified representation".
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace reposfs {

struct DeltaSizes {
  std::uint64_t base_bytes;
  std::uint64_t result_bytes;
  std::size_t header_bytes;  // Of the delta itself.
};

// What the first bytes of `delta` (20 are enough) say.  Errors: kCorrupt.
Result<DeltaSizes> ParseDeltaSizes(std::string_view delta);

// The object that `delta` makes of `base`.  Allocates what the delta says it makes: compare
// ParseDeltaSizes() with a limit first.  Errors: kCorrupt.
Result<std::string> ApplyDelta(std::string_view base, std::string_view delta);

}  // namespace reposfs
