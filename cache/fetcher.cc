#include "cache/fetcher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/file_util.h"
#include "base/text.h"
#include "cache/commit_blobs.h"
#include "cache/connectivity.h"
#include "cache/staging.h"

namespace reposfs {
namespace {

constexpr int kHistoryPassCountMax = 3;

std::vector<Oid> ContentRoots(const Repository& repository) {
  std::vector<Oid> commits;
  for (const RootRecord& root : repository.roots()) {
    if (root.stage == Stage::kContent) commits.push_back(root.commit);
  }
  return commits;
}

std::vector<Oid> Haves(const Repository& repository) {
  std::vector<Oid> haves = ContentRoots(repository);
  const RefSnapshotPtr refs = repository.refs();
  if (repository.stage() == Stage::kComplete && refs) {
    const std::vector<Oid> targets = RefTargets(*refs);
    haves.insert(haves.end(), targets.begin(), targets.end());
  }
  return repository.objects().Missing(haves).empty() ? haves : std::vector<Oid>();
}

// Those of `commits` whose files are here.
std::set<Oid> WithContent(const Repository& repository, const std::set<Oid>& commits) {
  std::set<Oid> found;
  for (const Oid& root : ContentRoots(repository)) {
    if (commits.contains(root)) found.insert(root);
  }
  return found;
}

// Notes that `names` are to go when `staging` is adopted, but for those that come again with it:
// the same objects make a pack of the same name.
Status ReplacePacks(std::vector<std::string> names, Staging& staging) {
  std::erase_if(names, [&](const std::string& name) {
    std::error_code error;
    return std::filesystem::exists(staging.path() / "objects" / "pack" / name, error);
  });
  return staging.Replace(names);
}

// Whether all of `wants` are in the staging, or in the store that it belongs to.
Status CheckArrived(const std::filesystem::path& staging, const ObjectStore& store,
                    const std::vector<Oid>& wants) {
  const ObjectStore received(staging / "objects");
  const std::vector<Oid> missing = store.Missing(received.Missing(wants));
  if (missing.empty()) return {};
  return Error{Errc::kCorrupt, "object " + missing.front().Hex() + " was asked for and not sent"};
}

// Whether none of `commits` is shallow any more.  The git host's word on that is the last one; who
// has it from there may know less.
Status CheckUnshallow(const std::set<Oid>& commits, const Staging& staging) {
  for (const Oid& commit : staging.shallow_after()) {
    if (!commits.contains(commit)) continue;
    return Error{Errc::kCorrupt, "the history behind commit " + commit.Hex() + " did not come"};
  }
  return {};
}

}  // namespace

Fetcher::Fetcher(const Origin& origin, Transport& transport, FetchOptions limits, Catalog& catalog,
                 HostLedger& ledger, const Clock& clock,
                 std::function<void(const Repository&)> tell_others)
    : sources_(origin, transport,
               [&ledger](const RepositoryKey& key, Source& source) {
                 const int requests_max = source.host.requests_per_minute;
                 if (requests_max == 0) return;
                 source.before_requests = [&ledger, host = key.host, requests_max](
                                              int count,
                                              const std::function<Status()>& keep_going) {
                   return ledger.TakeRequests(host, count, requests_max, keep_going);
                 };
               }),
      limits_(limits),
      catalog_(catalog),
      clock_(clock),
      tell_others_(std::move(tell_others)) {}

Status Fetcher::Adopt(Repository& repository, Staging& staging, const ChooseReplaced& replaced) {
  const StoreDirectory& directory = repository.directory();
  const auto tell = [&] {
    tell_others_(repository);
    repository.ContentChangedForAll();
  };
  Status adopted = repository.ChangeDirectory([&]() -> Status {
    auto names = replaced();
    if (!names) return std::move(names).error();
    if (!names->empty()) {
      if (auto listed = ReplacePacks(std::move(*names), staging); !listed) return listed;
    }
    if (auto sealed = staging.Seal(); !sealed) return sealed;
    // Another transfer that came to nothing may have tidied up behind itself.
    if (auto created = directory.Create(); !created) return created;
    return directory.Adopt(staging, tell);
  });
  if (adopted) repository.ContentChanged();
  return adopted;
}

Status Fetcher::SaveRefs(Repository& repository, const RefSnapshot& refs) {
  return repository.ChangeDirectory([&] { return repository.directory().SetRefs(refs); });
}

Status Fetcher::Check(const Repository& repository, const Transfer& transfer,
                      const Staging& staging, const Source& source,
                      const std::function<Status()>& keep_going) {
  if (source.peer) {
    auto arrived = CheckArrived(staging.path(), repository.objects(), transfer.wants);
    if (!arrived) return arrived;
    if (transfer.depth == FetchDepth::kUnshallow) return CheckUnshallow(*transfer.shallow, staging);
  }
  if (transfer.depth != FetchDepth::kCommitOnly) return {};
  return CheckShallow(staging, repository.objects(), transfer.wants, keep_going);
}

Status Fetcher::Run(Repository& repository, const Transfer& transfer,
                    const TransferControl& control) {
  const StoreDirectory& directory = repository.directory();
  if (auto created = directory.Create(); !created) return created;
  FetchRequest request;
  request.staging = control.staging;
  request.wants = transfer.wants;
  request.haves = transfer.haves;
  request.depth = transfer.depth;
  request.without_blobs = transfer.without_blobs;
  request.ignore_local = transfer.ignore_local;
  const auto on_progress = [&](FetchProgress progress) -> Status {
    if (transfer.replaced) progress.replaced_bytes = repository.size_bytes();
    return control.on_progress ? control.on_progress(progress) : Status();
  };
  request.on_progress = on_progress;
  request.on_object = control.on_object;
  std::optional<Staging> staging;
  const SourceRound::Attempt attempt{
      [&]() -> Status {
        staging.reset();  // The old one removes its directory, which the new one is to have.
        auto created = Staging::Create(control.staging, directory, transfer.haves);
        if (!created) return std::move(created).error();
        staging = std::move(*created);
        Status kept = transfer.shallow ? staging->KeepShallow(*transfer.shallow) : Status();
        return kept && transfer.is_whole ? staging->ForgetShallow() : kept;
      },
      [&](const Source& source) {
        return Check(repository, transfer, *staging, source, [&] { return on_progress({}); });
      }};
  auto fetched = sources_.Fetch(repository.key(), std::move(request), attempt);
  if (!fetched) return fetched;
  // What came since the last look counts, too.
  FetchProgress whole;
  whole.received_bytes = DiskUsageBytes(control.staging / "objects");
  if (auto admitted = on_progress(whole); !admitted) return admitted;
  // Looked at now, not at the beginning: blobs of the same commit may have come meanwhile, and go,
  // too.  But if another tip has come, or is coming, some pack may be its own.
  return Adopt(repository, *staging, [&]() -> Result<std::vector<std::string>> {
    if (!transfer.replaced) return std::vector<std::string>();
    auto inventory = InventoryOf(repository, catalog_, control.job);
    if (!inventory) return std::move(inventory).error();
    const bool all = *inventory && (*inventory)->IsAllOf(*transfer.replaced);
    return all ? std::move((*inventory)->packs) : std::vector<std::string>();
  });
}

Status Fetcher::FetchTipWithFallback(Repository& repository, const Oid& want,
                                     const TransferControl& control) {
  Transfer transfer;
  transfer.wants = {want};
  transfer.depth = FetchDepth::kCommitOnly;
  transfer.without_blobs = true;
  Status fetched = Run(repository, transfer, control);
  if (fetched || fetched.error().code != Errc::kUnsupported) return fetched;
  // A server that knows neither filters nor shallow clones: everything, then.
  transfer.depth = FetchDepth::kAsIs;
  transfer.without_blobs = false;
  return Run(repository, transfer, control);
}

Result<Oid> Fetcher::FetchTip(Repository& repository, const Oid& want,
                              const TransferControl& control) {
  auto commit = FetchTipNow(repository, want, control);
  if (commit) return commit;
  // What has come is not what it should be; nobody would ever account for it.
  bool is_rubbish = false;
  const Status removed = repository.ChangeDirectory([&]() -> Status {
    const auto inventory = InventoryOf(repository, catalog_, control.job);
    if (!inventory) return inventory.error();
    is_rubbish = *inventory && (*inventory)->stage == Stage::kAbsent && (*inventory)->roots.empty();
    return is_rubbish ? RemoveTree(repository.directory().path()) : Status();
  });
  if (is_rubbish) repository.ContentChanged();
  if (!removed) {
    spdlog::warn("not tidied up repo={} cause=\"{}\"", repository.key().Text(),
                 Printable(removed.error().message));
  }
  return commit;
}

Result<Oid> Fetcher::FetchTipNow(Repository& repository, const Oid& want,
                                 const TransferControl& control) {
  if (!repository.objects().Contains(want)) {
    // Beside content that is here already, a new commit costs little more than its own changes.
    Transfer changes;
    changes.wants = {want};
    changes.haves = Haves(repository);
    changes.depth =
        repository.stage() == Stage::kComplete ? FetchDepth::kAsIs : FetchDepth::kCommitOnly;
    Status fetched = changes.haves.empty() ? FetchTipWithFallback(repository, want, control)
                                           : Run(repository, changes, control);
    if (!fetched) return std::move(fetched).error();
  }
  auto commit = PeelToCommit(repository.objects(), want);
  if (!commit) return std::move(commit).error();
  // A server that ignores filters has sent the content at once.
  const auto has_content = HasAllBlobs(repository.objects(), *commit);
  if (!has_content) return has_content.error();
  const RootRecord root{*commit, *has_content ? Stage::kContent : Stage::kTip};
  if (auto reported = ReportRoot(repository, root); !reported) return std::move(reported).error();
  return commit;
}

Status Fetcher::FetchContent(Repository& repository, const Oid& commit,
                             const TransferControl& control) {
  auto missing = MissingBlobs(repository.objects(), commit);
  // A tree that was left out comes with the content, too.
  const bool tree_missing = !missing && missing.error().code == Errc::kNotFound;
  if (!missing && !tree_missing) return std::move(missing).error();
  if (tree_missing || !missing->empty()) {
    Transfer transfer;
    transfer.wants = {commit};
    transfer.haves = Haves(repository);
    transfer.depth =
        repository.stage() == Stage::kComplete ? FetchDepth::kAsIs : FetchDepth::kCommitOnly;
    transfer.ignore_local = true;
    // With one root only, all that is here is part of what will come.
    if (repository.roots().size() == 1) transfer.replaced = commit;
    if (auto fetched = Run(repository, transfer, control); !fetched) return fetched;
    missing = MissingBlobs(repository.objects(), commit);
    if (!missing) return std::move(missing).error();
  }
  if (!missing->empty()) {
    return Error{Errc::kCorrupt, "the source left out " + std::to_string(missing->size()) +
                                     " blobs of commit " + commit.Hex()};
  }
  return ReportRoot(repository, RootRecord{commit, Stage::kContent});
}

Status Fetcher::FetchHistory(Repository& repository, const TransferControl& control) {
  const RefSnapshotPtr refs = repository.refs();
  if (!refs) return Error{Errc::kNotFound, "the refs of the upstream are not known"};
  if (auto fetched = FetchWhole(repository, *refs, control); !fetched) return fetched;
  // Refs may move, and other tips may come, while the history is on its way.
  for (int pass = 0; pass < kHistoryPassCountMax; ++pass) {
    for (const RootRecord& root : repository.roots()) {
      if (root.stage != Stage::kTip) continue;
      if (auto fetched = FetchContent(repository, root.commit, control); !fetched) return fetched;
    }
    const RefSnapshotPtr now = repository.refs();
    Transfer transfer;
    const std::set<Oid> shallow = repository.directory().Shallow();
    // At last also what nobody accounts for: a transfer may have been cut off.
    const bool is_last = pass + 1 == kHistoryPassCountMax;
    transfer.shallow = is_last ? shallow : WithContent(repository, shallow);
    transfer.wants =
        shallow.empty() ? repository.objects().Missing(RefTargets(*now)) : RefTargets(*now);
    transfer.haves = Haves(repository);
    transfer.depth = transfer.shallow->empty() ? FetchDepth::kAsIs : FetchDepth::kUnshallow;
    if (transfer.wants.empty()) return Report(repository, Stage::kComplete);
    if (auto fetched = Run(repository, transfer, control); !fetched) return fetched;
  }
  const bool whole = repository.directory().Shallow().empty() &&
                     repository.objects().Missing(RefTargets(*repository.refs())).empty();
  if (!whole) return Error{Errc::kUnreachable, "the refs move faster than the history comes"};
  return Report(repository, Stage::kComplete);
}

Status Fetcher::FetchWhole(Repository& repository, const RefSnapshot& refs,
                           const TransferControl& control) {
  const std::vector<RootRecord> roots = repository.roots();
  if (roots.size() != 1 || roots.front().stage != Stage::kTip) return {};
  const Oid& tip = roots.front().commit;
  if (!refs.Names(tip)) return {};
  Transfer transfer;
  transfer.wants = RefTargets(refs);
  transfer.ignore_local = true;
  transfer.replaced = tip;
  transfer.shallow = {tip};
  transfer.is_whole = true;
  return Run(repository, transfer, control);
}

Status Fetcher::FetchMovedRoots(Repository& repository, const RefSnapshot& refs,
                                const TransferControl& control) {
  const RefSnapshotPtr before = repository.refs();
  if (!before) return {};
  std::set<Oid> moved;
  const auto follow = [&](const Oid& from, const Oid& to) {
    if (from != to && !to.IsNull() && repository.StageOf(from) != Stage::kAbsent) moved.insert(to);
  };
  follow(before->head(), refs.head());
  for (const Ref& ref : before->refs()) {
    const Ref* now = refs.Find(ref.name);
    if (now != nullptr && ref.name.starts_with("refs/heads/")) follow(ref.object, now->object);
  }
  for (const Oid& commit : moved) {
    auto fetched = FetchTip(repository, commit, control);
    if (!fetched) return std::move(fetched).error();
  }
  return {};
}

Status Fetcher::FetchMoved(Repository& repository, const RefSnapshot& refs,
                           const TransferControl& control) {
  const RefSnapshotPtr before = repository.refs();
  const Stage stage = repository.stage();
  if (stage == Stage::kAbsent || (before && *before == refs)) return {};
  if (stage != Stage::kComplete) return FetchMovedRoots(repository, refs, control);
  Transfer transfer;
  transfer.wants = repository.objects().Missing(RefTargets(refs));
  transfer.haves = Haves(repository);
  if (transfer.wants.empty()) return {};
  if (auto fetched = Run(repository, transfer, control); !fetched) return fetched;
  repository.ContentChangedForAll();
  return {};
}

Status Fetcher::Update(Repository& repository, const ListedRefs& listed,
                       const TransferControl& control) {
  // Not when all has come: who pushes meanwhile shall not wait for longer.
  const WallTime now = clock_.Now();
  const WallTime told = now - listed.age;
  repository.NoteAsked(now);
  const WallTime checked_before = repository.record().last_checked;
  const auto is_outdated = [&] {
    const WallTime checked = repository.record().last_checked;
    // A peer may remember less than is known here.
    const bool is_memory = listed.age > milliseconds(0);
    if (is_memory) return repository.refs() && told + kAgePrecision < checked;
    // The host's own word counts, whatever the clock has shown once, unless there is a newer one.
    return checked != checked_before && told < checked;
  };
  if (is_outdated()) return {};
  if (auto fetched = FetchMoved(repository, listed.refs, control); !fetched) return fetched;
  return repository.ChangeRefs(
      [&]() -> Status { return is_outdated() ? Status() : Show(repository, listed.refs, told); });
}

Status Fetcher::Show(Repository& repository, const RefSnapshot& refs, WallTime told) {
  const RefSnapshotPtr before = repository.refs();
  const bool changed = !before || *before != refs;
  const bool is_here = repository.stage() != Stage::kAbsent;
  if (changed) {
    if (is_here) {
      if (auto saved = SaveRefs(repository, refs); !saved) return saved;
    }
    repository.SetRefs(std::make_shared<const RefSnapshot>(refs));
  }
  RepositoryChange change;
  change.last_checked = told;
  if (changed) change.last_changed = told;
  change.head = refs.head().IsNull() ? "" : refs.head().Hex();
  change.failure = RepositoryFailure{};
  if (changed && is_here) change.size_bytes = repository.directory().SizeBytes();
  return Record(repository, change);
}

Status Fetcher::FetchBlobs(Repository& repository, const std::vector<Oid>& blobs,
                           const TransferControl& control) {
  Transfer transfer;
  transfer.wants = blobs;
  transfer.without_blobs = true;
  if (auto fetched = Run(repository, transfer, control); !fetched) return fetched;
  return Report(repository, repository.stage());
}

Status Fetcher::ReportRoot(Repository& repository, const RootRecord& root) {
  // The refs go to the disk with the first commit that makes them useful.
  Status saved = repository.ChangeRefs([&]() -> Status {
    const RefSnapshotPtr refs = repository.refs();
    return refs ? SaveRefs(repository, *refs) : Status();
  });
  if (!saved) return saved;
  if (auto put = catalog_.PutRoot(repository.id(), root); !put) return put;
  repository.SetRoot(root);
  const RefSnapshotPtr refs = repository.refs();
  const bool is_head = refs && refs->head() == root.commit;
  return Report(repository, is_head ? root.stage : Stage::kTip);
}

Status Fetcher::Report(Repository& repository, Stage reached) {
  RepositoryChange change;
  change.reached = reached;
  change.size_bytes = repository.directory().SizeBytes();
  change.last_fetched = clock_.Now();
  change.failure = RepositoryFailure{};
  return Record(repository, change);
}

Status Fetcher::Record(Repository& repository, const RepositoryChange& change) {
  auto record = catalog_.Change(repository.id(), change);
  if (!record) return std::move(record).error();
  repository.SetRecord(*record);
  return {};
}

}  // namespace reposfs
