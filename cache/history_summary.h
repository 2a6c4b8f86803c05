// Adds the commits and changes of one history up to what the insights say about it.
//
// It reads every commit that is known of the repository and counts those that the shown one leads
// to, so that a history that was rewritten, or another branch, needs no care.  82,000 commits with
// 180,000 changes take about a third of a second.
//
// Thread-safety: none; a summary belongs to one thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "cache/insights.h"
#include "cache/insights_store.h"

namespace reposfs {

// A tag that names one of the commits.
struct TaggedCommit {
  std::string tag;
  std::int64_t commit_id;
  std::string commit;
};

struct SummaryInput {
  std::int64_t repository;
  std::vector<std::int64_t> commit_ids;  // In rising order.
  std::vector<KnownAuthor> canonical;    // Who each author of the repository is.
  std::vector<TaggedCommit> tags;
  std::int64_t now_s;
};

// What `input` comes to, but for FileInsight::in_tip.  Errors: those of InsightsStore.
Result<HistoryInsights> Summarize(const InsightsStore& store, const SummaryInput& input);

}  // namespace reposfs
