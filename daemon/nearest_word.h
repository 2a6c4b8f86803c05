// "Did you mean ...?": the known word that is closest to a mistyped one.
//
// Thread-safety: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reposfs {

// The number of single-character insertions, deletions, replacements and swaps of neighbours
// that turn `a` into `b`.
std::size_t EditDistance(std::string_view a, std::string_view b);

// The first word of `known` with the least distance to `typed`, ignoring case; nothing if even
// that one is so far away that nobody can have meant it.
std::optional<std::string> NearestWord(std::string_view typed,
                                       const std::vector<std::string>& known);

// `; did you mean "<nearest>"?`, or nothing.  Goes at the end of a message.
std::string DidYouMean(std::string_view typed, const std::vector<std::string>& known);

}  // namespace reposfs
