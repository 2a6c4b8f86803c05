// Which client of git's protocol the suites run over: REPOSFS_FETCH_CLIENT, as for the program.
#pragma once

#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/io_engine.h"
#include "cache/make_transport.h"
#include "cache/options.h"

namespace reposfs {

inline bool TestsGitCommand() {
  const char* const name = std::getenv("REPOSFS_FETCH_CLIENT");
  return name != nullptr && std::string_view(name) == "git";
}

inline FetchOptions WithTestedClient(FetchOptions options) {
  options.client = TestsGitCommand() ? FetchClient::kGit : FetchClient::kAuto;
  return options;
}

// Before any fixture counts its open files.
inline const std::unique_ptr<IoEngine> tested_io_engine = IoEngine::Create({});

inline std::unique_ptr<Transport> MakeTestedTransport(const FetchOptions& options) {
  return MakeTransport(WithTestedClient(options), *tested_io_engine);
}

}  // namespace reposfs
