#include "daemon/secret_file.h"

#include <algorithm>

#include "base/file_util.h"

namespace reposfs {

Result<std::string> ReadSecret(const std::filesystem::path& file) {
  constexpr std::uint64_t kSizeMaxBytes = 4096;
  auto text = ReadFile(file, kSizeMaxBytes);
  if (!text) return text;
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  // What is in it goes into headers.
  const bool one_line = std::all_of(text->begin(), text->end(),
                                    [](unsigned char c) { return c >= ' ' && c != 0x7f; });
  // It is not repeated: it is secret.
  if (text->empty() || !one_line) {
    return Error{Errc::kInvalidArgument,
                 file.string() +
                     " is no secret: it must hold one line and no control characters; "
                     "`openssl rand -hex 32` makes one"};
  }
  return text;
}

}  // namespace reposfs
