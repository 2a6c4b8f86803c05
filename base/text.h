// Small text helpers that several layers need.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace reposfs {

// `text` with every control character and every byte that is not UTF-8 written as \xNN, so that it
// can be shown on a terminal, in a log line or in JSON whatever an attacker named his file.
std::string Printable(std::string_view text);

// `text` cut at each `separator`; empty parts are kept.
std::vector<std::string_view> Split(std::string_view text, char separator);

std::string AsciiLower(std::string_view text);

// Whether `text` matches the shell pattern `pattern`; `*` and `?` do not match '/'.
bool MatchesPattern(const std::string& pattern, const std::string& text);

// Writes the bytes that may not stand in a URL's path, and '/', as %XX.
std::string PercentEncode(std::string_view text);

// Replaces %XX by its byte.  A '%' that no two hexadecimal digits follow stays as it is.
std::string PercentDecode(std::string_view text);

}  // namespace reposfs
