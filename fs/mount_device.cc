#include "fs/mount_device.h"

#include <sys/sysmacros.h>

#include <charconv>
#include <string>

namespace reposfs {
namespace {

// As the kernel writes it: white space and backslashes in octal.
std::string Escaped(std::string_view path) {
  std::string out;
  for (const char c : path) {
    switch (c) {
      case ' ':
        out += "\\040";
        break;
      case '\t':
        out += "\\011";
        break;
      case '\n':
        out += "\\012";
        break;
      case '\\':
        out += "\\134";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// Takes the first word off `line`.
std::string_view NextWord(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size() < line.size() ? word.size() + 1 : word.size());
  return word;
}

unsigned Number(std::string_view text) {
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

dev_t DeviceMountedOn(std::string_view mountpoint, std::string_view mountinfo) {
  const std::string escaped = Escaped(mountpoint);
  dev_t device = 0;
  while (!mountinfo.empty()) {
    std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(line.size() < mountinfo.size() ? line.size() + 1 : line.size());
    NextWord(line);  // The mount's id, and its parent's.
    NextWord(line);
    const std::string_view numbers = NextWord(line);
    NextWord(line);  // Which directory of the file system is mounted.
    const std::size_t colon = numbers.find(':');
    if (NextWord(line) != escaped || colon == std::string_view::npos) continue;
    device = makedev(Number(numbers.substr(0, colon)), Number(numbers.substr(colon + 1)));
  }
  return device;
}

}  // namespace reposfs
