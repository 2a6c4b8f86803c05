#include "cache/git_trace.h"

#include <charconv>
#include <cstdint>
#include <ctime>

#include "base/text.h"

namespace reposfs {
namespace {

using std::chrono::seconds;

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \r") - begin + 1);
}

// A line of the trace begins with a time and the place in git's source.
bool IsOfTrace(std::string_view line) {
  constexpr std::string_view kPlace = " http.c:";
  constexpr std::size_t kTimeSize = std::string_view("12:34:56.789012").size();
  return line.size() > kTimeSize && line[2] == ':' && line[5] == ':' && line[8] == '.' &&
         line.substr(kTimeSize).starts_with(kPlace);
}

// "HTTP/1.1 429 Too Many Requests"; 0 if `header` is no such line.
int StatusOf(std::string_view header) {
  if (!header.starts_with("HTTP/")) return 0;
  const std::size_t space = header.find(' ');
  if (space == std::string_view::npos) return 0;
  int status = 0;
  std::from_chars(header.data() + space + 1, header.data() + header.size(), status);
  return status;
}

// A number of seconds, or a date (RFC 9110, section 10.2.3).
seconds DelayOf(const std::string& value, WallTime now) {
  std::uint32_t delay_s = 0;
  const char* const end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, delay_s);
  if (parsed.ec == std::errc() && parsed.ptr == end) return seconds(delay_s);
  std::tm date{};
  if (::strptime(value.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) return {};
  const auto until = WallTime(seconds(::timegm(&date)));
  return until > now ? std::chrono::ceil<seconds>(until - now) : seconds(0);
}

}  // namespace

GitTrace ReadGitTrace(std::string_view errors, WallTime now) {
  constexpr std::string_view kReceived = "<= Recv header: ";
  constexpr std::string_view kRetryAfter = "retry-after:";
  GitTrace trace;
  int status = 0;
  for (const std::string_view line : Split(errors, '\n')) {
    // What shows progress ends with '\r', and may stand before it.
    const std::size_t progress_end = line.rfind('\r', line.size() < 2 ? 0 : line.size() - 2);
    const std::string_view rest =
        progress_end == std::string_view::npos ? line : line.substr(progress_end + 1);
    if (!IsOfTrace(rest)) {
      trace.words += std::string(line) + "\n";
      continue;
    }
    const std::size_t found = rest.find(kReceived);
    if (found == std::string_view::npos) continue;
    const std::string_view header = Trimmed(rest.substr(found + kReceived.size()));
    if (const int next = StatusOf(header); next != 0) {
      status = next;
      trace.retry_after = seconds(0);
    }
    const bool refused = status == 429 || status == 503;
    if (refused && AsciiLower(header.substr(0, kRetryAfter.size())) == kRetryAfter) {
      trace.retry_after = DelayOf(std::string(Trimmed(header.substr(kRetryAfter.size()))), now);
    }
  }
  return trace;
}

}  // namespace reposfs
