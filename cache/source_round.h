// Asks the sources of a repository in turn, the best first, until one gives what is wanted.
//
// A single machine has one source, the git host, and what it says is the answer.  In a ring the
// nodes that own the repository come before it.  A peer that is gone, slow, behind, or lies costs
// a line in the log and the time until the next one is asked; only the git host's own word that
// there is no such repository, or that nobody may read it, is believed.  So it is with the size:
// what does not fit here may be a peer's answer without an end, so the host is asked as well, but
// no other peer: it would be the same again, and others are evicted for it.
//
// Thread-safety: every method may be called from any thread; it blocks on the network.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cache/origin.h"
#include "cache/transport.h"

namespace reposfs {

// Whether the one who was asked could not answer now, rather than has answered.
inline bool IsAway(const Error& error) {
  return error.code == Errc::kUnreachable || error.code == Errc::kTimedOut;
}

class SourceRound {
 public:
  // Sets Source::before_requests of the git host of `key`, if its requests are counted.
  using CountRequests = std::function<void(const RepositoryKey& key, Source& host)>;

  // Both must outlive it.
  SourceRound(const Origin& origin, Transport& transport, CountRequests count_requests = {})
      : origin_(origin), transport_(transport), count_requests_(std::move(count_requests)) {}

  // Asks what branches and tags there are.  A peer's word counts only if it is at most `age_max`
  // old; where the git host is away, the youngest that there is, and its host_failure says so.
  //
  // Errors: those of Transport, and of `keep_going`.  REQUIRES: wanted != Wanted::kObjects.
  Result<ListedRefs> ListRefs(const RepositoryKey& key, Wanted wanted, milliseconds age_max,
                              const std::function<Status()>& keep_going) const;

  struct Attempt {
    // Makes request.staging anew: what a source has left there that did not deliver is rubbish.
    std::function<Status()> prepare;
    // Whether what `source` has sent is what was wanted.
    std::function<Status(const Source& source)> check;
  };
  // Fetches `request`, whose source is chosen here.  While the git host is asked, no other machine
  // of a ring asks it for the same repository; who has waited for that asks the peers again first.
  //
  // Errors: those of Transport, of `attempt`, and of request.on_progress.
  Status Fetch(const RepositoryKey& key, FetchRequest request, const Attempt& attempt) const;

 private:
  class Watch;
  // Who may do better than the one who was asked.
  enum class Next { kNobody, kAnybody, kHost };
  struct Ended {
    Status status;
    Next next;
  };

  // Asks `sources` in turn.
  Ended FetchFrom(std::vector<Source>& sources, const RepositoryKey& key, FetchRequest request,
                  const Attempt& attempt) const;

  std::vector<Source> SourcesOf(const RepositoryKey& key, Wanted wanted) const;

  const Origin& origin_;
  Transport& transport_;
  const CountRequests count_requests_;
};

}  // namespace reposfs
