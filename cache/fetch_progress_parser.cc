#include "cache/fetch_progress_parser.h"

#include <charconv>

namespace reposfs {

void FetchProgressParser::Add(std::string_view errors) {
  rest_ += errors;
  std::size_t begin = 0;
  for (std::size_t end; (end = rest_.find_first_of("\r\n", begin)) != std::string::npos;
       begin = end + 1) {
    ParseLine(std::string_view(rest_).substr(begin, end - begin));
  }
  rest_.erase(0, begin);
  // A server that never ends its line must not fill our memory.
  if (rest_.size() > 4096) rest_.clear();
}

void FetchProgressParser::ParseLine(std::string_view line) {
  // "Receiving objects:  45% (123/456), 12.30 MiB | 5.00 MiB/s"
  if (!line.starts_with("Receiving objects: ")) return;
  const std::size_t open = line.find('(');
  if (open == std::string_view::npos) return;
  const char* const end = line.data() + line.size();
  std::uint64_t count = 0;
  std::uint64_t total = 0;
  const auto counted = std::from_chars(line.data() + open + 1, end, count);
  if (counted.ec != std::errc() || counted.ptr == end || *counted.ptr != '/') return;
  if (std::from_chars(counted.ptr + 1, end, total).ec != std::errc()) return;
  progress_.object_count = count;
  progress_.object_count_total = total;
}

}  // namespace reposfs
