// Computes the insights of one commit and keeps them; what the job `insights` does.
//
//   known commits (store) + new ones (git) -> store -> sums -> JSON and HTML -> store
//
// What was read of a history is kept commit by commit, so the next time only what is new is read,
// and a job that was killed is gone on with.
//
// Thread-safety: the functions may be called from any thread.
#pragma once

#include <filesystem>
#include <functional>

#include "base/result.h"
#include "cache/insights.h"
#include "cache/insights_store.h"
#include "cache/options.h"
#include "cache/repository.h"

namespace reposfs {

struct InsightsRequest {
  RepositoryPtr repository;
  Oid commit;
  HistoryPolicy policy = HistoryPolicy::kComplete;
  WallTime now{};
  std::filesystem::path scratch;  // A directory of its own, removed at the end.
  FetchOptions limits;            // Of the git children.
  std::function<Status()> keep_going;
};

// What is known of `commit` without reading anything: no history, no tip.
Insights InsightsAtHand(const Repository& repository, const Oid& commit, HistoryPolicy policy,
                        WallTime now);

// Puts the document of `request.commit` into `store`.  Blocks on the disk for as long as `git log
// --numstat` would.  At stage kContent it is a document without a history.  What is not even there
// is left alone.
//
// Errors: those of HistoryReader and InsightsStore.
Status MakeInsights(InsightsStore& store, const InsightsRequest& request);

}  // namespace reposfs
