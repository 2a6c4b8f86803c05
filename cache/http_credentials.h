// Who we are to an HTTP server: what git's credential helpers say.
//
// git itself is asked (git-credential(1)), so helpers, their order and their settings are those
// that the user has for the URL.  It is asked only after a server has refused us, and its answer is
// remembered for a while, so that a known server does not have to refuse us first.  Nothing of it
// is ever written, logged, or told to another server.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "cache/git_settings.h"
#include "cache/options.h"
#include "cache/origin.h"

namespace reposfs {

struct HttpCredential {
  std::string user;
  std::string password;
  bool operator==(const HttpCredential&) const = default;
};

class HttpCredentials {
 public:
  using KeepGoing = std::function<Status()>;

  // `git` must outlive it.
  HttpCredentials(FetchOptions limits, GitSettingsReader& git)
      : limits_(std::move(limits)), git_(git) {}

  std::optional<HttpCredential> Remembered(const Source& source) REPOSFS_EXCLUDES(mutex_);
  void Forget(const Source& source) REPOSFS_EXCLUDES(mutex_);

  // Asks the helpers.  Errors: kAccessDenied if none knows; those of RunProcess() with
  // `keep_going`.
  Result<HttpCredential> Fill(const Source& source, const KeepGoing& keep_going) const;

  // The server has taken `credential`: remembers it, and tells the helpers.
  void Approve(const Source& source, const HttpCredential& credential, const KeepGoing& keep_going)
      REPOSFS_EXCLUDES(mutex_);
  // The server has refused it: tells the helpers.
  void Reject(const Source& source, const HttpCredential& credential,
              const KeepGoing& keep_going) const;

 private:
  using SteadyClock = std::chrono::steady_clock;
  struct Entry {
    HttpCredential credential;
    SteadyClock::time_point forget_at;
  };

  Result<std::string> Run(const Source& source, std::vector<std::string> arguments,
                          const std::string& input, const KeepGoing& keep_going) const;

  const FetchOptions limits_;
  GitSettingsReader& git_;

  Mutex mutex_;  // A leaf lock.
  std::map<std::string, Entry> entries_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
