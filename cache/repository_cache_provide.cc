// Bringing what git clients ask for that fetch from this cache.
#include <algorithm>
#include <utility>

#include "cache/commit_blobs.h"
#include "cache/repository_cache.h"

namespace reposfs {
namespace {

constexpr int kHistoryForClientPriority = 60;

// So many commits are brought one by one; for more, the whole history is less work.
constexpr std::size_t kCommitsAtOnceMax = 16;

// How much of a repository a request needs.
enum class Extent { kTips, kContents, kObjects, kHistory };

bool LacksHistoryOnly(const FetchArguments& asked) {
  return asked.depth == 1 && !asked.other_depth;
}

// A client that has left blobs out, or trees, asks for them by their names alone, without telling
// what it has.
bool NamesObjects(const RefSnapshot* refs, const FetchArguments& asked) {
  const bool by_name = asked.filter && !asked.depth && !asked.other_depth && asked.have_count == 0;
  return by_name && std::none_of(asked.wants.begin(), asked.wants.end(), [&](const Oid& want) {
           return refs != nullptr && refs->Names(want);
         });
}

Extent ExtentOf(const RefSnapshot* refs, const FetchArguments& asked) {
  if (LacksHistoryOnly(asked)) {
    return asked.filter == "blob:none" ? Extent::kTips : Extent::kContents;
  }
  return NamesObjects(refs, asked) ? Extent::kObjects : Extent::kHistory;
}

// The commit to show for what a client wants, as far as it can be told now.
ResolvedRef ShownFor(const Repository& repository, const RefSnapshot* refs, const Oid& want) {
  for (const Ref& ref : refs != nullptr ? refs->refs() : std::vector<Ref>()) {
    if (ref.object == want) return ResolvedRef{ref.name, ref.object, ref.target()};
  }
  const auto commit =
      repository.objects().Contains(want) ? PeelToCommit(repository.objects(), want) : want;
  return ResolvedRef{"", want, commit ? *commit : want};
}

Target HeadOf(const RepositoryPtr& repository, const RefSnapshot& refs) {
  if (refs.head().IsNull() && !refs.refs().empty()) {
    const Ref& any = refs.refs().front();
    return Target{repository, {any.name, any.object, any.target()}};
  }
  return Target{repository, {refs.head_branch(), refs.head(), refs.head()}};
}

// As git says it.
Error NotOurs(const Oid& id) {
  return Error{Errc::kNotFound, "upload-pack: not our ref " + id.Hex()};
}

std::string NameOf(const std::vector<Oid>& ids) {
  // Who asks for other objects under the same name asks again.
  std::size_t mixed = ids.size();
  for (const Oid& id : ids) mixed = mixed * 31 + OidHash()(id);
  return std::to_string(mixed) + ":" + ids.front().Hex();
}

}  // namespace

bool RepositoryCache::CanProvide(const Repository& repository, const FetchArguments& asked) const {
  const RefSnapshotPtr refs = repository.refs();
  if (repository.stage() == Stage::kAbsent) return false;
  if (!repository.objects().Missing(asked.wants).empty()) return false;
  const Extent extent = ExtentOf(refs.get(), asked);
  const bool complete = repository.stage() == Stage::kComplete;
  if (extent == Extent::kHistory) return complete && repository.directory().Shallow().empty();
  if (extent == Extent::kObjects || complete) return true;
  const Stage needed = extent == Extent::kTips ? Stage::kTip : Stage::kContent;
  return std::all_of(asked.wants.begin(), asked.wants.end(), [&](const Oid& want) {
    return repository.StageOf(ShownFor(repository, refs.get(), want).commit) >= needed;
  });
}

Outcome<Done> RepositoryCache::Provide(const RepositoryPtr& repository,
                                       const FetchArguments& asked) {
  const RefSnapshotPtr refs = RefsOf(*repository);
  if (CanProvide(*repository, asked)) return Done{};
  if (!refs) return Error{Errc::kNotFound, repository->key().Text() + ": no refs are known"};
  switch (ExtentOf(refs.get(), asked)) {
    case Extent::kTips:
      return ProvideCommits(repository, asked, Stage::kTip);
    case Extent::kContents:
      return ProvideCommits(repository, asked, Stage::kContent);
    case Extent::kObjects:
      return ProvideObjects(repository, asked.wants);
    case Extent::kHistory:
      break;
  }
  return ProvideHistory(repository, asked.wants);
}

Outcome<Done> RepositoryCache::ProvideCommits(const RepositoryPtr& repository,
                                              const FetchArguments& asked, Stage stage) {
  std::vector<Target> lacking;
  const RefSnapshotPtr refs = repository->refs();
  for (const Oid& want : asked.wants) {
    Target target{repository, ShownFor(*repository, refs.get(), want)};
    const bool here =
        repository->StageOf(target.ref.commit) >= stage && repository->objects().Contains(want);
    if (!here) lacking.push_back(std::move(target));
  }
  if (lacking.size() > kCommitsAtOnceMax) return ProvideHistory(repository, asked.wants);
  Outcome<Done> last = Done{};
  // All at once; who has waited for the last asks again.
  for (const Target& target : lacking) {
    Outcome<Done> brought = stage == Stage::kTip ? NeedTip(target) : NeedContent(target);
    if (!brought.has_value()) last = std::move(brought);
  }
  return last;
}

Outcome<Done> RepositoryCache::ProvideObjects(const RepositoryPtr& repository,
                                              const std::vector<Oid>& wants) {
  const Target head = HeadOf(repository, *repository->refs());
  const Outcome<Done> tip = NeedTip(head);
  if (!tip.has_value()) return tip;
  std::vector<Oid> missing = repository->objects().Missing(wants);
  if (missing.empty()) return Done{};
  if (repository->stage() == Stage::kComplete) return NotOurs(missing.front());
  const bool refused = flights_.Failure(RefusedName(*repository)).has_value();
  if (refused) return ProvideHistory(repository, wants);
  const std::string name = "objects:" + std::to_string(repository->id()) + ":" + NameOf(missing);
  return FetchNow(head, name,
                  [repository, missing = std::move(missing)]() -> Result<std::vector<Oid>> {
                    return repository->objects().Missing(missing);
                  });
}

Outcome<Done> RepositoryCache::ProvideHistory(const RepositoryPtr& repository,
                                              const std::vector<Oid>& wants) {
  const bool complete = repository->stage() == Stage::kComplete;
  if (!complete || !repository->directory().Shallow().empty()) {
    const Outcome<Done> tip = NeedTip(HeadOf(repository, *repository->refs()));
    if (!tip.has_value()) return tip;
    return runner_->Submit(repository, JobKind::kHistory, "", kHistoryForClientPriority);
  }
  // Not in the history of any branch or tag, or not yet.
  const std::vector<Oid> missing = repository->objects().Missing(wants);
  if (missing.empty()) return Done{};
  if (missing.size() > kCommitsAtOnceMax) return NotOurs(missing.front());
  return runner_->Submit(repository, JobKind::kClone, missing.front().Hex(),
                         kHistoryForClientPriority);
}

}  // namespace reposfs
