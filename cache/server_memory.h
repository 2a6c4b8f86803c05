// What servers can do, remembered, so that it need not be asked before each request.
//
// Repositories of one server nearly always agree; the few that do not are remembered one by one.
//
// Thread-safety: every method may be called from any thread.
//
// Invariant: at most kEntryCountMax entries, each for at most kRememberedFor.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "cache/wire_request.h"

namespace reposfs {

class ServerMemory {
 public:
  static constexpr std::size_t kEntryCountMax = 4096;
  static constexpr std::chrono::hours kRememberedFor{1};

  // What is believed of the repository at `url`.
  std::optional<WireCapabilities> Find(const std::string& url) REPOSFS_EXCLUDES(mutex_);

  // The repository at `url` has said so, or has understood what was guessed.  A guess never
  // replaces what a server has said.  Returns whether it is the first word of its server.
  bool Remember(const std::string& url, const WireCapabilities& capabilities)
      REPOSFS_EXCLUDES(mutex_);

 private:
  using SteadyClock = std::chrono::steady_clock;
  struct Entry {
    WireCapabilities capabilities;
    SteadyClock::time_point forget_at;
  };

  const Entry* FindLocked(std::string_view place) REPOSFS_REQUIRES(mutex_);

  Mutex mutex_;  // A leaf lock.
  // By origin, or by URL for those that differ from their origin.
  std::map<std::string, Entry, std::less<>> entries_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
