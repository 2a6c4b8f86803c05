#include "cache/history_summary.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "base/text.h"
#include "cache/releases.h"
#include "cache/week_counter.h"

namespace reposfs {
namespace {

constexpr std::int64_t kDay = 86'400;
// A commit can have any date that the type can tell; this leaves room for the offset.
constexpr std::int64_t kLastTime = std::numeric_limits<std::int64_t>::max() - 366 * kDay;
// Of more paths than this, those that are changed first count; a hostile history could have any
// number of them.
constexpr std::size_t kPathsMax = 1'000'000;

// The commits, added up in one pass over them.
class CommitSummary {
 public:
  explicit CommitSummary(const SummaryInput& input) : input_(input) {
    std::map<Identity, std::size_t> groups;
    for (const KnownAuthor& author : input.canonical) {
      const auto [group, is_new] = groups.emplace(author.identity, authors_.size());
      if (is_new) {
        AuthorInsight insight;
        insight.name = Printable(author.identity.name);
        insight.email = Printable(author.identity.email);
        authors_.push_back(std::move(insight));
      }
      group_of_.emplace(author.id, group->second);
    }
    for (const TaggedCommit& tag : input.tags) tags_.emplace(tag.commit_id, &tag);
  }

  bool Counts(std::int64_t commit_id) const {
    return std::binary_search(input_.commit_ids.begin(), input_.commit_ids.end(), commit_id);
  }

  void Add(const CommitRow& row) {
    if (!Counts(row.id)) return;
    const bool first = history_.commit_count++ == 0;
    history_.first_s = first ? row.committed_at_s : std::min(history_.first_s, row.committed_at_s);
    history_.last_s = std::max(history_.last_s, row.committed_at_s);
    history_.merge_count += row.parent_count > 1 ? 1 : 0;
    history_.added += row.added;
    history_.deleted += row.deleted;
    history_.last_week_count += row.committed_at_s >= input_.now_s - 7 * kDay ? 1 : 0;
    history_.last_month_count += row.committed_at_s >= input_.now_s - 30 * kDay ? 1 : 0;
    weeks_.Add(row.committed_at_s, row.added, row.deleted);
    AddAuthor(row);
    AddActivity(row);
    AddReleases(row);
  }

  HistoryInsights Finish() && {
    history_.weeks = weeks_.Series(input_.now_s);
    history_.outside_weeks_count = history_.commit_count;
    for (const std::int64_t count : history_.weeks.commits) history_.outside_weeks_count -= count;
    FinishAuthors();
    FinishReleases();
    return std::move(history_);
  }

 private:
  void AddAuthor(const CommitRow& row) {
    const auto group = group_of_.find(row.author_id);
    if (group == group_of_.end()) return;
    AuthorInsight& author = authors_[group->second];
    const bool first = author.commit_count++ == 0;
    author.added += row.added;
    author.deleted += row.deleted;
    author.first_s = first ? row.authored_at_s : std::min(author.first_s, row.authored_at_s);
    author.last_s = std::max(author.last_s, row.authored_at_s);
  }

  void AddActivity(const CommitRow& row) {
    if (row.authored_at_s <= 0 || row.authored_at_s > kLastTime) return;
    const std::int64_t local =
        std::max<std::int64_t>(row.authored_at_s + std::int64_t{row.author_offset_minutes} * 60, 0);
    const auto weekday = static_cast<std::size_t>((local / kDay + 3) % 7);
    const auto hour = static_cast<std::size_t>(local % kDay / 3600);
    ++history_.activity[weekday][hour];
  }

  void AddReleases(const CommitRow& row) {
    const auto [begin, end] = tags_.equal_range(row.id);
    for (auto tag = begin; tag != end; ++tag) {
      history_.releases.push_back(Release{tag->second->tag, tag->second->commit, row.committed_at_s,
                                          LooksLikePrerelease(tag->second->tag)});
    }
  }

  void FinishAuthors() {
    std::erase_if(authors_, [](const AuthorInsight& author) { return author.commit_count == 0; });
    std::sort(authors_.begin(), authors_.end(), [](const auto& a, const auto& b) {
      if (a.commit_count != b.commit_count) return a.commit_count > b.commit_count;
      return std::tie(a.name, a.email) < std::tie(b.name, b.email);
    });
    history_.author_count = static_cast<std::int64_t>(authors_.size());
    std::int64_t written = 0;
    for (const AuthorInsight& author : authors_) {
      if (written * 2 >= history_.commit_count) break;
      written += author.commit_count;
      ++history_.bus_factor;
    }
    if (authors_.size() > kInsightAuthorsMax) authors_.resize(kInsightAuthorsMax);
    history_.authors = std::move(authors_);
  }

  void FinishReleases() {
    auto& releases = history_.releases;
    std::sort(releases.begin(), releases.end(), [](const Release& a, const Release& b) {
      if (a.committed_at_s != b.committed_at_s) return a.committed_at_s > b.committed_at_s;
      return a.tag > b.tag;
    });
    history_.release_count = static_cast<std::int64_t>(releases.size());
    history_.cadence_days = CadenceDays(releases);
    if (releases.size() > kInsightReleasesMax) releases.resize(kInsightReleasesMax);
  }

  const SummaryInput& input_;
  HistoryInsights history_;
  WeekCounter weeks_;
  std::vector<AuthorInsight> authors_;
  std::unordered_map<std::int64_t, std::size_t> group_of_;  // Indexes in it, by author.
  std::unordered_multimap<std::int64_t, const TaggedCommit*> tags_;
};

struct PathSum {
  std::int64_t path_id = 0;
  std::int64_t commit_count = 0;
  std::int64_t added = 0;
  std::int64_t deleted = 0;
};

using PathSums = std::unordered_map<std::int64_t, PathSum>;

// The `count_max` paths that are changed most, with their names.  Which ones of equals are taken
// must not depend on the order in which they became known.
Result<std::vector<std::pair<std::string, PathSum>>> ChangedMost(const InsightsStore& store,
                                                                 const PathSums& sums,
                                                                 std::size_t count_max) {
  std::vector<PathSum> sorted;
  sorted.reserve(sums.size());
  for (const auto& [id, sum] : sums) sorted.push_back(sum);
  const auto more = [](const PathSum& a, const PathSum& b) {
    return a.commit_count > b.commit_count;
  };
  std::sort(sorted.begin(), sorted.end(), more);
  if (sorted.size() > count_max) {
    const auto end = std::upper_bound(sorted.begin(), sorted.end(), sorted[count_max - 1], more);
    sorted.erase(end, sorted.end());
  }
  std::vector<std::pair<std::string, PathSum>> named;
  named.reserve(sorted.size());
  for (const PathSum& sum : sorted) {
    auto path = store.PathOf(sum.path_id);
    if (!path) return std::move(path).error();
    named.emplace_back(std::move(*path), sum);
  }
  std::sort(named.begin(), named.end(), [](const auto& a, const auto& b) {
    if (a.second.commit_count != b.second.commit_count) {
      return a.second.commit_count > b.second.commit_count;
    }
    return a.first < b.first;
  });
  if (named.size() > count_max) named.resize(count_max);
  return named;
}

// Counts which of some paths are changed by the same commits.
class PairCounter {
 public:
  explicit PairCounter(const std::vector<std::pair<std::string, PathSum>>& paths) : paths_(paths) {
    for (std::size_t i = 0; i < paths.size(); ++i) {
      index_of_.emplace(paths[i].second.path_id, static_cast<std::uint32_t>(i));
    }
  }

  // Rows of one commit come one after the other.
  void Add(const ChangeRow& row) {
    if (row.commit_id != commit_id_) Flush();
    commit_id_ = row.commit_id;
    ++file_count_;
    const auto index = index_of_.find(row.path_id);
    if (index != index_of_.end() && files_.size() <= kTogetherFilesMax) {
      files_.push_back(index->second);
    }
  }

  std::vector<PairInsight> Finish() {
    Flush();
    using Pair = std::pair<std::uint64_t, std::int64_t>;
    std::vector<Pair> sorted;
    for (const auto& pair : counts_) {
      if (pair.second > 1) sorted.emplace_back(pair.first, pair.second);
    }
    // The indexes are in an order of their own, and the key has the smaller one first.
    std::sort(sorted.begin(), sorted.end(), [](const Pair& a, const Pair& b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    if (sorted.size() > kInsightPairsMax) sorted.resize(kInsightPairsMax);
    std::vector<PairInsight> pairs;
    for (const auto& [key, count] : sorted) {
      pairs.push_back(PairInsight{paths_[key >> 32].first, paths_[key & 0xffffffff].first, count});
    }
    return pairs;
  }

 private:
  void Flush() {
    if (file_count_ <= kTogetherFilesMax) {
      std::sort(files_.begin(), files_.end());
      for (std::size_t i = 0; i < files_.size(); ++i) {
        for (std::size_t j = i + 1; j < files_.size(); ++j) {
          ++counts_[(std::uint64_t{files_[i]} << 32) | files_[j]];
        }
      }
    }
    files_.clear();
    file_count_ = 0;
  }

  const std::vector<std::pair<std::string, PathSum>>& paths_;
  std::unordered_map<std::int64_t, std::uint32_t> index_of_;
  std::unordered_map<std::uint64_t, std::int64_t> counts_;
  std::int64_t commit_id_ = 0;
  std::size_t file_count_ = 0;
  std::vector<std::uint32_t> files_;
};

Status AddFiles(const InsightsStore& store, const SummaryInput& input, const CommitSummary& commits,
                HistoryInsights& history) {
  PathSums sums;
  std::int64_t commit_id = 0;
  bool counts = false;
  const auto counts_now = [&](const ChangeRow& row) {
    if (row.commit_id != commit_id) counts = commits.Counts(row.commit_id);
    commit_id = row.commit_id;
    return counts;
  };
  Status visited = store.VisitChanges(input.repository, [&](const ChangeRow& row) {
    if (!counts_now(row)) return;
    if (sums.size() >= kPathsMax && !sums.contains(row.path_id)) return;
    PathSum& sum = sums[row.path_id];
    sum.path_id = row.path_id;
    ++sum.commit_count;
    sum.added += row.added;
    sum.deleted += row.deleted;
  });
  if (!visited) return visited;
  history.file_count = static_cast<std::int64_t>(sums.size());
  auto most = ChangedMost(store, sums, kTogetherAmongMax);
  if (!most) return std::move(most).error();
  for (const auto& [path, sum] : *most) {
    if (history.files.size() >= kInsightFilesMax) break;
    history.files.push_back(FileInsight{path, sum.commit_count, sum.added, sum.deleted, false});
  }
  PairCounter pairs(*most);
  visited = store.VisitChanges(input.repository, [&](const ChangeRow& row) {
    if (counts_now(row)) pairs.Add(row);
  });
  history.pairs = pairs.Finish();
  return visited;
}

}  // namespace

Result<HistoryInsights> Summarize(const InsightsStore& store, const SummaryInput& input) {
  CommitSummary commits(input);
  Status visited =
      store.VisitCommits(input.repository, [&](const CommitRow& row) { commits.Add(row); });
  if (!visited) return std::move(visited).error();
  HistoryInsights files;
  if (auto added = AddFiles(store, input, commits, files); !added) return std::move(added).error();
  HistoryInsights history = std::move(commits).Finish();
  history.file_count = files.file_count;
  history.files = std::move(files.files);
  history.pairs = std::move(files.pairs);
  return history;
}

}  // namespace reposfs
