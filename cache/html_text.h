// Words of anybody's in a page of ours.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reposfs {

// `text` so that it is text in an element or an attribute, whatever it holds: markup is escaped,
// control characters, marks that turn the direction of writing, and what is not UTF-8 are shown as
// \xNN.
std::string HtmlText(std::string_view text);

// The same in an element of its own, that no right-to-left name reorders what stands beside it.
std::string IsolatedText(std::string_view text);

// "1,234,567"
std::string GroupedNumber(std::int64_t number);

// "1.2 MB"
std::string ShortBytes(std::int64_t bytes);

}  // namespace reposfs
