// What the user's git configuration says about HTTP (git-config(1), http.*).
//
// Settings that we do not know how to follow make a server one that only git can talk to, so that
// they are never ignored.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "cache/options.h"
#include "cache/origin.h"

namespace reposfs {

struct HttpSettings {
  std::vector<std::string> extra_headers;
  std::optional<std::string> proxy;  // Empty: none, whatever the environment says.
  std::string proxy_auth_method;
  bool verify = true;
  std::string ca_file;
  std::string ca_directory;
  std::string certificate;
  std::string key;
  std::string user_agent;
  std::string version;                     // Like "HTTP/1.1".
  std::uint64_t bytes_per_second_max = 0;  // Of the answer; 0: no limit.  git has no such setting.
};

// Pairs of a lower-case name like "http.proxy" and its value; later ones win.
using GitSettings = std::vector<std::pair<std::string, std::string>>;

// Reads the output of `git config -z` that lists names and values.
GitSettings ParseGitSettings(std::string_view output);

// `settings` apply to one URL: none has a URL in its name.  Errors: kUnsupported.
Result<HttpSettings> ParseHttpSettings(const GitSettings& settings);

class HttpSettingsReader {
 public:
  explicit HttpSettingsReader(FetchOptions limits) : limits_(std::move(limits)) {}

  // What applies to `source`.  Runs git if what it said is older than a minute, or if the
  // configuration has sections for single URLs.  Errors: kUnsupported; those of RunProcess() with
  // `keep_going`.
  Result<HttpSettings> For(const Source& source, const std::function<Status()>& keep_going)
      REPOSFS_EXCLUDES(mutex_);

  // Asks git again the next time: something has been refused.
  void Forget() REPOSFS_EXCLUDES(mutex_);

 private:
  using SteadyClock = std::chrono::steady_clock;

  Result<GitSettings> List(const Source& source, const std::function<Status()>& keep_going)
      REPOSFS_EXCLUDES(mutex_);
  Result<GitSettings> Run(const Source& source, std::vector<std::string> arguments,
                          const std::function<Status()>& keep_going) const;

  const FetchOptions limits_;

  Mutex mutex_;  // A leaf lock.
  std::optional<GitSettings> listed_ REPOSFS_GUARDED_BY(mutex_);
  SteadyClock::time_point listed_at_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
