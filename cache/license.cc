#include "cache/license.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/text.h"

namespace reposfs {
namespace {

// How far into a file its license is looked for.
constexpr std::size_t kTextMaxBytes = 64u << 10;

// A license fits if its phrases are all there, and its `without` is not.
struct Rule {
  std::string_view spdx;
  std::string_view phrases[3];
  std::string_view without = {};
};

constexpr Rule kRules[] = {
    {"AGPL-3.0-only", {"gnu affero general public license", "version 3"}},
    {"LGPL-3.0-only", {"gnu lesser general public license", "version 3, 29 june 2007"}},
    {"LGPL-2.1-only", {"gnu lesser general public license", "version 2.1, february 1999"}},
    {"GPL-3.0-only", {"gnu general public license", "version 3, 29 june 2007"}},
    {"GPL-2.0-only", {"gnu general public license", "version 2, june 1991"}},
    {"Apache-2.0", {"apache license", "version 2.0, january 2004"}},
    {"MPL-2.0", {"mozilla public license", "version 2.0"}},
    {"EPL-2.0", {"eclipse public license", "v 2.0"}},
    {"BSL-1.0", {"boost software license", "version 1.0"}},
    {"CC0-1.0", {"cc0 1.0 universal"}},
    {"CC-BY-SA-4.0", {"attribution-sharealike 4.0 international"}},
    {"CC-BY-4.0", {"attribution 4.0 international"}},
    {"Unlicense", {"this is free and unencumbered software released into the public domain"}},
    {"BSD-3-Clause",
     {"redistribution and use in source and binary forms", "neither the name",
      "endorse or promote"}},
    {"BSD-2-Clause", {"redistribution and use in source and binary forms"}, "all advertising"},
    {"ISC", {"permission to use, copy, modify, and/or distribute this software for any purpose"}},
    {"ISC", {"permission to use, copy, modify, and distribute this software for any purpose"}},
    {"MIT",
     {"permission is hereby granted, free of charge, to any person obtaining a copy",
      "the above copyright notice and this permission notice"}},
    {"Zlib",
     {"this software is provided 'as-is', without any express or implied warranty",
      "altered source versions must be plainly marked"}},
    {"WTFPL", {"do what the fuck you want to public license"}},
};

// In lower case, with one space for each run of white space.
std::string Squeezed(std::string_view text) {
  std::string out;
  for (const char c : AsciiLower(text.substr(0, kTextMaxBytes))) {
    const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!space) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

std::string TaggedIn(std::string_view text) {
  constexpr std::string_view kTag = "SPDX-License-Identifier:";
  constexpr std::size_t kExpressionMaxBytes = 100;
  const std::size_t tag = text.substr(0, kTextMaxBytes).find(kTag);
  if (tag == std::string_view::npos) return "";
  std::string_view line = text.substr(tag + kTag.size());
  line = line.substr(0, line.find_first_of("\r\n*"));
  while (line.starts_with(' ')) line.remove_prefix(1);
  while (line.ends_with(' ')) line.remove_suffix(1);
  const bool plain = !line.empty() && line.size() <= kExpressionMaxBytes &&
                     line.find_first_not_of(
                         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+-() ") ==
                         std::string_view::npos;
  return plain ? std::string(line) : "";
}

// Where the first phrase of `rule` is, if it fits.
std::optional<std::size_t> PlaceOf(const Rule& rule, const std::string& text) {
  std::size_t first = std::string::npos;
  for (const std::string_view phrase : rule.phrases) {
    if (phrase.empty()) continue;
    const std::size_t at = text.find(phrase);
    if (at == std::string::npos) return std::nullopt;
    first = std::min(first, at);
  }
  const bool other = !rule.without.empty() && text.find(rule.without) != std::string::npos;
  return other ? std::nullopt : std::optional(first);
}

}  // namespace

int LicenseRank(std::string_view name) {
  const std::string lower = AsciiLower(name);
  const std::string stem = lower.substr(0, lower.find_first_of(".-_"));
  if (stem == "license" || stem == "licence") return lower == stem ? 4 : 3;
  if (stem == "copying") return lower == stem ? 4 : 2;
  return stem == "unlicense" ? 2 : 0;
}

std::string LicenseOf(std::string_view text) {
  if (std::string tagged = TaggedIn(text); !tagged.empty()) return tagged;
  const std::string squeezed = Squeezed(text);
  // Licenses name each other, and files go on with those of what they include.
  std::string_view found;
  std::size_t first = std::string::npos;
  for (const Rule& rule : kRules) {
    const auto place = PlaceOf(rule, squeezed);
    if (!place || *place >= first) continue;
    found = rule.spdx;
    first = *place;
  }
  return std::string(found);
}

}  // namespace reposfs
