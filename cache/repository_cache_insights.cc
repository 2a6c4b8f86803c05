// What the history tells: computing it after each change, and giving it to those who read.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "cache/insights_json.h"
#include "cache/insights_maker.h"
#include "cache/insights_page.h"
#include "cache/repository_cache.h"

namespace reposfs {
namespace {

constexpr int kInsightsPriority = 5;

}  // namespace

void RepositoryCache::SubmitInsights(const RepositoryPtr& repository, const Oid& commit) {
  if (commit.IsNull()) return;
  runner_->Submit(repository, JobKind::kInsights, commit.Hex(), kInsightsPriority);
}

Status RepositoryCache::ExecuteInsights(const RepositoryPtr& repository, const std::string& commit,
                                        const TransferControl& control) {
  const auto oid = Oid::FromHex(commit);
  if (!oid) return Error{Errc::kInvalidArgument, "insights: malformed id " + commit};
  InsightsRequest request;
  request.repository = repository;
  request.commit = *oid;
  request.policy = HistoryOf(repository->key());
  request.now = clock_.Now();
  request.scratch = control.staging;
  request.limits = options_.fetch;
  request.keep_going = [&control] { return control.on_progress(FetchProgress{}); };
  return MakeInsights(*insights_, request);
}

InsightsDocumentPtr RepositoryCache::InsightsOf(const Target& target) {
  const Repository& repository = *target.repository;
  const Oid& commit = target.ref.commit;
  if (commit.IsNull()) {
    // An empty repository: there is nothing to compute, and nothing to wait for.
    const Insights nothing = InsightsAtHand(repository, commit, HistoryOf(repository.key()),
                                            repository.record().last_checked);
    return std::make_shared<const InsightsDocument>(
        InsightsDocument{true, nothing.computed_at, InsightsJson(nothing), InsightsPage(nothing)});
  }
  auto document = insights_->Document(repository.id(), repository.key().Text(), commit.Hex());
  if (!document) {
    spdlog::error("insights not read repo={} cause=\"{}\"", repository.key().Text(),
                  document.error().message);
    return nullptr;
  }
  const bool complete = repository.stage() == Stage::kComplete;
  const bool here = complete || repository.StageOf(commit) >= Stage::kContent;
  if (!*document && here) SubmitInsights(target.repository, commit);
  return *document;
}

Outcome<InsightsDocumentPtr> RepositoryCache::FinalInsightsOf(const Target& target) {
  const RepositoryPtr& repository = target.repository;
  auto document = InsightsOf(target);
  if (document && document->complete) return document;
  const bool complete = repository->stage() == Stage::kComplete;
  const bool history_comes = HistoryOf(repository->key()) != HistoryPolicy::kNone;
  if (document && !complete && !history_comes) return document;
  if (!complete && (history_comes || repository->StageOf(target.ref.commit) < Stage::kContent)) {
    return Warm(repository->key(), history_comes ? Stage::kComplete : Stage::kContent,
                Failures::kBelieved);
  }
  return runner_->Submit(repository, JobKind::kInsights, target.ref.commit.Hex(),
                         kInsightsPriority);
}

std::optional<Target> RepositoryCache::DefaultView(const RepositoryKey& key) {
  const RepositoryPtr repository = Find(key);
  const RefSnapshotPtr refs = repository ? RefsOf(*repository) : nullptr;
  if (!refs) return std::nullopt;
  return Target{repository, ResolvedRef{"", refs->head(), refs->head()}};
}

void RepositoryCache::ForgetInsights(std::int64_t id) {
  const std::vector<RepositoryPtr> repositories = Repositories();
  const bool here = std::any_of(repositories.begin(), repositories.end(), [id](const auto& one) {
    return one->id() == id && one->stage() != Stage::kAbsent;
  });
  if (here) return;
  if (auto forgotten = insights_->Forget(id, [this] { return !stopping_; }); !forgotten) {
    spdlog::warn("insights not forgotten repository={} cause=\"{}\"", id,
                 forgotten.error().message);
  }
}

}  // namespace reposfs
