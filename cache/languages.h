// The programming language of a file, by its name alone.
//
// Thread-safety: a pure function.
#pragma once

#include <string_view>

namespace reposfs {

// Empty for what is no source code nor documentation: images, data, translations, plain text, names
// that are not known.
// `path` is any bytes.
std::string_view LanguageOf(std::string_view path);

}  // namespace reposfs
