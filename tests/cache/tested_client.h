// Which client of git's protocol the suites run over: REPOSFS_FETCH_CLIENT, as for the program.
#pragma once

#include <cstdlib>
#include <string_view>

#include "cache/options.h"

namespace reposfs {

inline FetchOptions WithTestedClient(FetchOptions options) {
  const char* const name = std::getenv("REPOSFS_FETCH_CLIENT");
  const bool git = name != nullptr && std::string_view(name) == "git";
  options.client = git ? FetchClient::kGit : FetchClient::kAuto;
  return options;
}

}  // namespace reposfs
