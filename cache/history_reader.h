// Asks git about the history that is on disk: which commits there are, and what each changed.
//
// Every number of the insights is git's own: commits are walked and compared by the `git` command,
// by several children at the same time, since to compare trees is all the work (git/git: 25 s of
// 26). Each child reads some thousand commits; what is found is handed on while the next ones are
// read.
//
// git runs in a scratch repository that sees the objects of the store: no settings, no attributes,
// no mailmap of a user or the machine change what is found.
//
// Thread-safety: a HistoryReader belongs to one thread.  The callbacks are called from several, but
// `keep_going` by one at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/process.h"
#include "base/result.h"
#include "cache/commit_facts.h"
#include "cache/options.h"
#include "cache/staging.h"

namespace reposfs {

// One line of `git ls-tree -r -l`.
struct TipEntry {
  std::string mode;  // "100644"
  Oid oid;
  std::int64_t size_bytes;  // 0 for a submodule.
  std::string path;
};

class HistoryReader {
 public:
  static constexpr std::size_t kCommitCountMax = 5'000'000;
  static constexpr std::size_t kTipEntryCountMax = 1'000'000;

  // Several commits in no order; a failure ends the reading.
  using OnCommits = std::function<Status(std::vector<CommitFacts>)>;

  // Makes the scratch repository at `scratch`; it is removed at destruction.  `keep_going` is
  // called often while git runs, and its failure ends every call.
  static Result<HistoryReader> Open(const std::filesystem::path& scratch,
                                    const StoreDirectory& store, FetchOptions limits,
                                    std::function<Status()> keep_going);

  // Errors of every call: kUnreachable, kCorrupt if git fails; those of Process and the callbacks.

  // The commits that `tip` leads to, itself included.
  // Further errors: kUnsupported if the history is shallow, or longer than kCommitCountMax.
  Result<std::vector<Oid>> Reachable(const Oid& tip);

  // What `git log --numstat` says of each commit, whatever its order.
  Status ReadCommits(const std::vector<Oid>& commits, const OnCommits& on_commits);

  // Who each one is according to the `.mailmap` of `tip`; in the same order.
  Result<std::vector<Identity>> Canonical(const Oid& tip, const std::vector<Identity>& people);

  // Every file of `tip`; at most kTipEntryCountMax, then it returns false.
  Result<bool> ListTip(const Oid& tip, const std::function<void(TipEntry)>& on_entry);

 private:
  struct Guard {
    Mutex mutex;  // Before all that `keep_going` takes: it is called with it.
    std::function<Status()> keep_going REPOSFS_GUARDED_BY(mutex);
  };

  HistoryReader(Staging scratch, FetchOptions limits, std::function<Status()> keep_going);

  ProcessOptions Command(std::vector<std::string> arguments) const;
  // Runs it to its end; `on_output` may say that it has heard enough.
  Result<bool> Run(ProcessOptions options, std::string_view input,
                   const std::function<Result<bool>(std::string_view)>& on_output) const;
  Status ReadShare(const Oid* begin, const Oid* end, const OnCommits& on_commits) const;

  Staging scratch_;
  FetchOptions limits_;
  std::unique_ptr<Guard> guard_;
  std::set<Oid> shallow_;
};

}  // namespace reposfs
