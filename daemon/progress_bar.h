// How far the fetching of one repository is, as one line.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace reposfs {

struct WarmProgress {
  std::string key;
  std::string activity;  // "clone", "content", ...
  std::uint64_t received_bytes = 0;
  std::uint64_t bytes_per_second = 0;
  std::uint64_t objects = 0;
  std::uint64_t objects_total = 0;  // 0 is not known yet.

  // 0..100; nothing while the total is not known.
  std::optional<int> percent() const;
};

// "github.com/git/git  content  [#####.....]  50%  1.3 MiB  400 KiB/s", at most `column_count`
// wide: the bar shrinks first, then the key is cut at its left, since its end tells most.
std::string RenderProgressBar(const WarmProgress& progress, std::size_t column_count);

// "github.com/git/git: content 50%, 1.3 MiB, 400 KiB/s", for what is no terminal.
std::string RenderProgressLine(const WarmProgress& progress);

}  // namespace reposfs
