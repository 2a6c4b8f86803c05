// What the git command tells of its HTTP exchanges, taken out of what it says.
//
// git does not say for how long a host asks to be left alone.  With kGitTraceSettings it writes the
// headers of every answer to its standard error, credentials blotted out.  They are looked at here
// and kept nowhere.
//
// Thread-safety: the function may be called from any thread.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace reposfs {

// For git's environment.
inline constexpr std::array kGitTraceSettings = {"GIT_TRACE_CURL=2", "GIT_TRACE_CURL_NO_DATA=1",
                                                 "GIT_TRACE_REDACT=1"};

struct GitTrace {
  std::string words;                    // What git has said itself.
  std::chrono::seconds retry_after{0};  // Of the last answer, if that was a refusal; 0: none.
};

// Reads `errors`, the end of git's standard error, at `now`.
GitTrace ReadGitTrace(std::string_view errors, WallTime now);

}  // namespace reposfs
