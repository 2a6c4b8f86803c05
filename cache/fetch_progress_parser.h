// What git says about the progress of a pack that it receives.
//
// Thread-safety: none.
#pragma once

#include <string>
#include <string_view>

#include "cache/transport.h"

namespace reposfs {

// Understands the lines that `git fetch --progress` and `git index-pack -v` write, in pieces of any
// size.
class FetchProgressParser {
 public:
  void Add(std::string_view errors);

  // received_bytes stays 0: git rounds it too much to be of use.
  const FetchProgress& progress() const { return progress_; }

 private:
  void ParseLine(std::string_view line);

  std::string rest_;
  FetchProgress progress_;
};

}  // namespace reposfs
