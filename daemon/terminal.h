// What standard output is, and what may therefore be written to it.
//
// Thread-safety: pure functions, but for those that say they write.
#pragma once

#include <string>
#include <string_view>

namespace reposfs {

enum class Colour { kNone, kBold, kDim, kRed, kGreen, kYellow };

struct Terminal {
  bool is_terminal = false;
  bool has_colours = false;
  std::size_t column_count = 80;
  std::size_t row_count = 24;

  // Colours need a terminal, a TERM that is not "dumb", and no NO_COLOR.
  static Terminal OfStandardOutput();
};

// `text` in `colour`, if `terminal` has any.  `text` must be printable already.
std::string Coloured(const Terminal& terminal, Colour colour, std::string_view text);

// The number of columns that printable `text` takes, counting each code point as one.
std::size_t ColumnCount(std::string_view text);

// Writes all of `text` to standard output at once, so that a reader sees whole lines.
void WriteOut(std::string_view text);

}  // namespace reposfs
