#include "daemon/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace reposfs {
namespace {

const char* EscapeOf(Colour colour) {
  switch (colour) {
    case Colour::kNone:
      return "";
    case Colour::kBold:
      return "\x1b[1m";
    case Colour::kDim:
      return "\x1b[2m";
    case Colour::kRed:
      return "\x1b[31m";
    case Colour::kGreen:
      return "\x1b[32m";
    case Colour::kYellow:
      return "\x1b[33m";
  }
  return "";
}

// As https://no-color.org has it: set and not empty.
bool WantsNoColour() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  return dumb || (no_color != nullptr && *no_color != '\0');
}

}  // namespace

Terminal Terminal::OfStandardOutput() {
  Terminal terminal;
  terminal.is_terminal = ::isatty(STDOUT_FILENO) == 1;
  terminal.has_colours = terminal.is_terminal && !WantsNoColour();
  winsize size{};
  if (terminal.is_terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.column_count = size.ws_col;
    terminal.row_count = size.ws_row;
  }
  return terminal;
}

std::string Coloured(const Terminal& terminal, Colour colour, std::string_view text) {
  if (!terminal.has_colours || colour == Colour::kNone) return std::string(text);
  return EscapeOf(colour) + std::string(text) + "\x1b[0m";
}

std::size_t ColumnCount(std::string_view text) {
  // Continuation bytes of UTF-8 take no column.
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned>(c) & 0xc0u) != 0x80u;
  }));
}

void WriteOut(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace reposfs
