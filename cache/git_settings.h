// What the user's git configuration says about HTTP and credentials (git-config(1)).
//
// git itself reads the files, so what they include and which of them wins is git's matter.  Its
// word holds for as long as the files are what they were: to look at them takes microseconds, to
// ask git again takes a process.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_stamps.h"
#include "base/mutex.h"
#include "base/result.h"
#include "cache/options.h"
#include "cache/origin.h"

namespace reposfs {

// Pairs of a lower-case name like "http.proxy" and its value; later ones win.
using GitSettings = std::vector<std::pair<std::string, std::string>>;
using GitSettingsPtr = std::shared_ptr<const GitSettings>;

// Reads the output of `git config -z` that lists names and values.
GitSettings ParseGitSettings(std::string_view output);

// Whether `name` is that of a section for one URL, like "http.https://example.org.proxy", and
// whether that URL has a path.
bool NamesUrl(std::string_view name);
bool NamesPath(std::string_view name);

class GitSettingsReader {
 public:
  using KeepGoing = std::function<Status()>;

  explicit GitSettingsReader(FetchOptions limits) : limits_(std::move(limits)) {}

  // All settings whose names begin with `http.`, `credential.`, `include.` and `includeif.`.  Two
  // calls return the same object only if nothing has changed between them.
  //
  // Blocks while git is asked, by this thread or another.  Errors: those of RunProcess() with
  // `keep_going`.
  Result<GitSettingsPtr> List(const Source& source, const KeepGoing& keep_going)
      REPOSFS_EXCLUDES(mutex_);

  // What `git config -z` says to `arguments`.  Errors: as above.
  Result<std::string> Ask(const Source& source, std::vector<std::string> arguments,
                          const KeepGoing& keep_going) const;

  // Asks git again the next time.
  void Forget() REPOSFS_EXCLUDES(mutex_);

 private:
  using SteadyClock = std::chrono::steady_clock;
  struct Listing {
    GitSettings settings;
    FileStamps files;          // Taken before git has read them.
    bool knows_files = false;  // Else it is believed for a minute only.
    bool for_all_sources = true;
    SteadyClock::time_point read_at;
  };
  using ListingPtr = std::shared_ptr<const Listing>;

  static bool Holds(const Listing& listing);
  Result<ListingPtr> Read(const Source& source, const KeepGoing& keep_going) const;
  ListingPtr Listed() const REPOSFS_EXCLUDES(mutex_);
  // Waits a little if another thread asks git.  Returns whether it is this thread's turn.
  bool BeginReading() REPOSFS_EXCLUDES(mutex_);
  void EndReading(ListingPtr listing) REPOSFS_EXCLUDES(mutex_);

  const FetchOptions limits_;

  mutable Mutex mutex_;  // A leaf lock.
  CondVar read_;
  ListingPtr listed_ REPOSFS_GUARDED_BY(mutex_);
  bool reading_ REPOSFS_GUARDED_BY(mutex_) = false;
};

}  // namespace reposfs
