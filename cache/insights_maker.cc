#include "cache/insights_maker.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "cache/history_reader.h"
#include "cache/history_summary.h"
#include "cache/insights_json.h"
#include "cache/insights_page.h"
#include "cache/releases.h"
#include "cache/tip_survey.h"

namespace reposfs {
namespace {

constexpr std::int64_t kLicenseMaxBytes = 1 << 20;

using IdsByOid = std::unordered_map<Oid, KnownCommit, OidHash>;

Result<IdsByOid> KnownById(const InsightsStore& store, std::int64_t repository) {
  auto commits = store.Commits(repository);
  if (!commits) return std::move(commits).error();
  IdsByOid known;
  known.reserve(commits->size());
  for (const KnownCommit& commit : *commits) known.emplace(commit.oid, commit);
  return known;
}

class Making {
 public:
  Making(InsightsStore& store, const InsightsRequest& request, HistoryReader reader)
      : store_(store), request_(request), reader_(std::move(reader)) {}

  Status AddTip(Insights& insights) {
    auto whole =
        reader_.ListTip(request_.commit, [this](const TipEntry& entry) { survey_.Add(entry); });
    if (!whole) return std::move(whole).error();
    Content license;
    const auto& file = survey_.license_file();
    if (file && file->size_bytes <= kLicenseMaxBytes) {
      // Without it the license is not known, but everything else is.
      if (auto read = request_.repository->objects().ReadBlob(file->oid)) license = *read;
    }
    insights.tip = survey_.Finish(*whole, license ? std::string_view(*license) : "");
    return {};
  }

  Status AddHistory(Insights& insights) {
    const std::int64_t id = request_.repository->id();
    if (auto put = store_.PutRepository(id, request_.repository->key().Text()); !put) return put;
    auto reachable = reader_.Reachable(request_.commit);
    // Shallow yet, or longer than anybody's: the tip can be shown all the same.
    const bool unsupported = !reachable && reachable.error().code == Errc::kUnsupported;
    if (unsupported) return {};
    if (!reachable) return std::move(reachable).error();
    auto known = ReadNew(*reachable);
    if (!known) return std::move(known).error();

    SummaryInput input;
    input.repository = id;
    input.now_s = request_.now.time_since_epoch().count() / 1000;
    for (const Oid& oid : *reachable) {
      const auto found = known->find(oid);
      if (found == known->end()) return Error{Errc::kCorrupt, "commit " + oid.Hex() + " is lost"};
      input.commit_ids.push_back(found->second.id);
    }
    std::sort(input.commit_ids.begin(), input.commit_ids.end());
    if (auto named = NameAuthors(input); !named) return named;
    input.tags = Tags(*known);
    auto history = Summarize(store_, input);
    if (!history) return std::move(history).error();
    for (FileInsight& file : history->files) file.in_tip = survey_.Has(file.path);
    insights.history = std::move(*history);
    insights.history_state = "complete";
    return IsHead() ? SetHead(input, *known) : Status();
  }

 private:
  // The default branch shows it.
  bool IsHead() const {
    const RefSnapshotPtr refs = request_.repository->refs();
    return refs && refs->head() == request_.commit;
  }

  // Everything that is known, with what of `reachable` was not.
  Result<IdsByOid> ReadNew(const std::vector<Oid>& reachable) {
    const std::int64_t id = request_.repository->id();
    auto known = KnownById(store_, id);
    if (!known) return known;
    std::vector<Oid> missing;
    for (const Oid& oid : reachable) {
      if (!known->contains(oid)) missing.push_back(oid);
    }
    if (missing.empty()) return known;
    Status read = reader_.ReadCommits(
        missing, [&](const std::vector<CommitFacts>& commits) { return store_.Add(id, commits); });
    if (!read) return std::move(read).error();
    return KnownById(store_, id);
  }

  Status NameAuthors(SummaryInput& input) {
    auto authors = store_.Authors(input.repository);
    if (!authors) return std::move(authors).error();
    std::vector<Identity> people;
    for (const KnownAuthor& author : *authors) people.push_back(author.identity);
    auto canonical = reader_.Canonical(request_.commit, people);
    if (!canonical) return std::move(canonical).error();
    input.canonical = std::move(*authors);
    for (std::size_t i = 0; i < input.canonical.size(); ++i) {
      input.canonical[i].identity = std::move((*canonical)[i]);
    }
    return {};
  }

  std::vector<TaggedCommit> Tags(const IdsByOid& known) const {
    constexpr std::string_view kPrefix = "refs/tags/";
    std::vector<TaggedCommit> tags;
    const RefSnapshotPtr refs = request_.repository->refs();
    if (!refs) return tags;
    for (const Ref& ref : refs->refs()) {
      if (!ref.name.starts_with(kPrefix) || !LooksLikeRelease(ref.name)) continue;
      const auto commit = known.find(ref.target());
      if (commit == known.end()) continue;
      tags.push_back(TaggedCommit{Printable(ref.name.substr(kPrefix.size())), commit->second.id,
                                  ref.target().Hex()});
    }
    return tags;
  }

  Status SetHead(const SummaryInput& input, const IdsByOid& known) {
    InsightsStore::HeadChange change{request_.commit.Hex(), request_.now, {}, {}, input.canonical};
    for (const auto& [oid, commit] : known) {
      const bool leads =
          std::binary_search(input.commit_ids.begin(), input.commit_ids.end(), commit.id);
      if (leads && !commit.on_head) change.joined.push_back(commit.id);
      if (!leads && commit.on_head) change.left.push_back(commit.id);
    }
    std::sort(change.joined.begin(), change.joined.end());
    return store_.SetHead(input.repository, change);
  }

  InsightsStore& store_;
  const InsightsRequest& request_;
  HistoryReader reader_;
  TipSurvey survey_;
};

}  // namespace

Insights InsightsAtHand(const Repository& repository, const Oid& commit, HistoryPolicy policy,
                        WallTime now) {
  Insights insights;
  insights.key = repository.key().Text();
  insights.commit = commit.IsNull() ? "" : commit.Hex();
  insights.stage = StageName(repository.stage());
  insights.computed_at = now;
  insights.stored_bytes = repository.size_bytes();
  const bool to_come = policy == HistoryPolicy::kComplete || repository.stage() == Stage::kComplete;
  if (!to_come) insights.history_state = policy == HistoryPolicy::kLazy ? "lazy" : "none";
  if (commit.IsNull()) {
    // No commits and no files: that is all there is to tell.
    insights.history_state = "complete";
    insights.history.emplace();
    insights.tip.emplace();
  }
  if (const RefSnapshotPtr refs = repository.refs()) {
    for (const Ref& ref : refs->refs()) {
      ++(ref.name.starts_with("refs/heads/") ? insights.branch_count : insights.tag_count);
    }
  }
  if (const auto read = repository.objects().ReadCommit(commit)) {
    insights.committed_at_s = read->committer_time_s;
  }
  return insights;
}

Status MakeInsights(InsightsStore& store, const InsightsRequest& request) {
  const Repository& repository = *request.repository;
  const bool complete = repository.stage() == Stage::kComplete;
  if (!complete && repository.StageOf(request.commit) < Stage::kContent) return {};
  auto reader = HistoryReader::Open(request.scratch, repository.directory(), request.limits,
                                    request.keep_going);
  if (!reader) return std::move(reader).error();
  Insights insights = InsightsAtHand(repository, request.commit, request.policy, request.now);
  Making making(store, request, std::move(*reader));
  if (auto added = making.AddTip(insights); !added) return added;
  if (complete) {
    if (auto added = making.AddHistory(insights); !added) return added;
  } else if (auto put = store.PutRepository(repository.id(), repository.key().Text()); !put) {
    return put;
  }
  return store.PutDocument(repository.id(), request.commit.Hex(),
                           InsightsDocument{insights.history.has_value(), request.now,
                                            InsightsJson(insights), InsightsPage(insights)});
}

}  // namespace reposfs
