// What the user's git configuration says about HTTP (git-config(1), http.*).
//
// Settings that we do not know how to follow make a server one that only git can talk to, so that
// they are never ignored.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "cache/git_settings.h"
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

// `settings` apply to one URL: none has a URL in its name.  Errors: kUnsupported.
Result<HttpSettings> ParseHttpSettings(const GitSettings& settings);

class HttpSettingsReader {
 public:
  // `git` must outlive it.
  explicit HttpSettingsReader(GitSettingsReader& git) : git_(git) {}

  // What applies to `source`, as the configuration says now.  Errors: kUnsupported; those of
  // GitSettingsReader.
  Result<HttpSettings> For(const Source& source, const GitSettingsReader::KeepGoing& keep_going)
      REPOSFS_EXCLUDES(mutex_);

 private:
  // Has git choose among sections for single URLs, unless it has done so for this `place`, a URL or
  // an origin.
  Result<GitSettings> Match(const Source& source, const std::string& place,
                            const GitSettingsPtr& listed,
                            const GitSettingsReader::KeepGoing& keep_going)
      REPOSFS_EXCLUDES(mutex_);

  GitSettingsReader& git_;

  Mutex mutex_;                                           // A leaf lock.
  GitSettingsPtr matched_of_ REPOSFS_GUARDED_BY(mutex_);  // What the following was chosen from.
  std::map<std::string, GitSettings> matched_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
