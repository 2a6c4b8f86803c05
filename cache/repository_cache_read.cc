// Reading through a view, and bringing what is missing.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "cache/commit_blobs.h"
#include "cache/repository_cache.h"
#include "cache/root_finder.h"
#include "cache/tree.h"

namespace reposfs {
namespace {

constexpr int kTipPriority = 90;
constexpr int kDirectoryPriority = 80;
constexpr int kContentOnDemandPriority = 60;

// From this many directories of a commit on, fetching each alone costs more than waiting for the
// content pack.
constexpr int kScanDirectoryCount = 16;
constexpr std::size_t kDirectoryFetchCountsMax = 10'000;  // Then counting begins anew.

// More blobs than this are better had with the content pack, which is under way.
constexpr std::size_t kBlobsAtOnceMax = 2'000;

constexpr std::chrono::minutes kHealInterval(1);
constexpr milliseconds kEvictRetryEvery(50);

std::vector<Oid> BlobsOf(const std::vector<TreeEntry>& entries) {
  std::vector<Oid> blobs;
  for (const TreeEntry& entry : entries) {
    if (entry.IsBlob()) blobs.push_back(entry.oid);
  }
  return blobs;
}

Result<Tree> ReadTree(const ObjectStore& objects, const Oid& id) {
  auto object = objects.Read(id);
  if (!object) return std::move(object).error();
  auto tree = ParseTree(object->content);
  if (!tree) return std::move(tree).error().Within("tree " + id.Hex());
  return tree;
}

// Parallel to `entries`.  None if they are wanted only kIfHere, and some are not.
Result<std::vector<std::uint64_t>> SizesOf(const ObjectStore& objects,
                                           const std::vector<TreeEntry>& entries, Sizes sizes) {
  const std::vector<Oid> blobs = BlobsOf(entries);
  std::vector<std::uint64_t> sizes_bytes;
  // Where the first blob is missing, the others need not be looked for.
  const bool in_vain =
      sizes == Sizes::kIfHere && !blobs.empty() && !objects.Contains(blobs.front());
  if (in_vain) return sizes_bytes;
  const auto of_blobs = objects.ReadSizes(blobs);
  if (!of_blobs) {
    const bool missing = of_blobs.error().code == Errc::kNotFound;
    if (missing && sizes == Sizes::kIfHere) return sizes_bytes;
    return of_blobs.error();
  }
  sizes_bytes.reserve(entries.size());
  auto next = of_blobs->begin();
  for (const TreeEntry& entry : entries) sizes_bytes.push_back(entry.IsBlob() ? *next++ : 0);
  return sizes_bytes;
}

Result<std::vector<Oid>> MissingBlobsOfDirectory(const ObjectStore& objects, const Oid& id) {
  auto tree = ReadTree(objects, id);
  if (!tree) return std::move(tree).error();
  return objects.Missing(BlobsOf(tree->entries));
}

// The blobs to fetch when git has asked for `object` by its id alone: those of the directory of
// `commit` that it is in, or itself.
Result<std::vector<Oid>> MissingBeside(const ObjectStore& objects, const Oid& commit_id,
                                       const Oid& object) {
  auto commit = objects.ReadCommit(commit_id);
  if (!commit) return std::move(commit).error();
  std::unordered_set<Oid, OidHash> seen = {commit->tree};
  std::vector<Oid> trees = {commit->tree};
  while (!trees.empty()) {
    auto tree = ReadTree(objects, trees.back());
    if (!tree) return std::move(tree).error();
    trees.pop_back();
    for (const TreeEntry& entry : tree->entries) {
      if (entry.oid == object) return objects.Missing(BlobsOf(tree->entries));
      const bool unseen = entry.type == EntryType::kDirectory && seen.insert(entry.oid).second;
      if (unseen) trees.push_back(entry.oid);
    }
  }
  return std::vector<Oid>{object};
}

void LogHidden(const Repository& repository, const Oid& tree, const Tree& parsed) {
  for (const HiddenEntry& hidden : parsed.hidden) {
    spdlog::warn("entry not shown repo={} tree={} name=\"{}\" object={} cause=\"{}\"",
                 repository.key().Text(), tree.Hex(), Printable(hidden.name.substr(0, 300)),
                 hidden.oid.Hex(), hidden.reason);
  }
}

}  // namespace

Outcome<Commit> RepositoryCache::ReadCommit(const Target& target) {
  const std::uint64_t generation = target.repository->generation();
  auto commit = target.repository->objects().ReadCommit(target.ref.commit);
  if (commit) return std::move(*commit);
  const EarlyRoots::Key key{target.repository->id(), target.ref.object};
  if (auto early = early_roots_.Find(key)) return std::move(*early);
  const Outcome<Done> brought = Bring(target, generation, commit.error(), Oid{});
  if (brought.has_value()) return std::move(commit).error();
  const bool is_tip_to_come =
      brought.waits() && target.repository->StageOf(target.ref.commit) == Stage::kAbsent;
  if (is_tip_to_come) return early_roots_.Await(key, brought.flight());
  return brought.As<Commit>();
}

ObjectListener RepositoryCache::ShowRootOf(const RepositoryPtr& repository, const Oid& want,
                                           const Oid& commit, const FlightPtr& tip) {
  return [this, repository, want, tip, finder = std::make_shared<RootFinder>(commit)](
             ObjectType type, std::string_view content) {
    auto root = finder->Take(type, content);
    if (!root) return;
    const DirectoryCache::Key key{repository->id(), root->commit.tree};
    if (!directories_.Get(key)) {
      LogHidden(*repository, root->commit.tree, root->tree);
      directories_.Put(
          key, std::make_shared<const Directory>(Directory{std::move(root->tree.entries), {}}));
    }
    early_roots_.Found({repository->id(), want}, root->commit, tip);
  };
}

Outcome<DirectoryPtr> RepositoryCache::ReadDirectory(const Target& target, const Oid& tree,
                                                     Sizes sizes) {
  const std::uint64_t generation = target.repository->generation();
  const DirectoryCache::Key key{target.repository->id(), tree};
  const ObjectStore& objects = target.repository->objects();
  DirectoryPtr directory = directories_.Get(key);
  if (directory && (sizes == Sizes::kNotNeeded || directory->has_sizes())) return directory;
  Directory read;
  if (!directory) {
    auto parsed = ReadTree(objects, tree);
    if (!parsed) {
      const Outcome<Done> brought = Bring(target, generation, parsed.error(), Oid{});
      if (brought.has_value()) return std::move(parsed).error();
      return brought.As<DirectoryPtr>();
    }
    LogHidden(*target.repository, tree, *parsed);
    read.entries = std::move(parsed->entries);
  }
  Result<std::vector<std::uint64_t>> found = std::vector<std::uint64_t>();
  if (sizes != Sizes::kNotNeeded) {
    found = SizesOf(objects, directory ? directory->entries : read.entries, sizes);
  }
  // Kept once, with all that is known.
  if (!directory || (found && !found->empty())) {
    if (directory) read.entries = directory->entries;
    if (found) read.sizes_bytes = std::move(*found);
    directory = std::make_shared<const Directory>(std::move(read));
    directories_.Put(key, directory);
  }
  if (found) return directory;
  const Outcome<Done> brought = Bring(target, generation, found.error(), tree);
  if (brought.has_value()) return std::move(found).error();
  return brought.As<DirectoryPtr>();
}

Outcome<Content> RepositoryCache::ReadBlob(const Target& target, const Oid& tree, const Oid& blob) {
  const std::uint64_t generation = target.repository->generation();
  auto content = target.repository->objects().ReadBlob(blob);
  if (content) return std::move(*content);
  const Outcome<Done> brought = Bring(target, generation, content.error(), tree);
  if (brought.has_value()) return std::move(content).error();
  return brought.As<Content>();
}

DirectoryPtr RepositoryCache::DirectoryIfRead(const Repository& repository, const Oid& tree) {
  DirectoryPtr directory = directories_.Get({repository.id(), tree});
  return directory && directory->has_sizes() ? directory : nullptr;
}

void RepositoryCache::NoteReading(const Target& target, const Oid& tree, const Oid& blob) {
  if (auto directory = DirectoryIfRead(*target.repository, tree)) {
    ahead_.Reading({target.repository, tree, std::move(directory)}, blob);
  }
}

void RepositoryCache::NoteListed(const Target& target, const Oid& tree) {
  if (auto directory = DirectoryIfRead(*target.repository, tree)) {
    ahead_.Listed({target.repository, tree, std::move(directory)});
  }
}

Outcome<Done> RepositoryCache::Bring(const Target& target, std::uint64_t generation,
                                     const Error& why, const Oid& tree) {
  if (why.code != Errc::kNotFound && why.code != Errc::kCorrupt) return why;
  const Stage stage = target.repository->StageOf(target.ref.commit);
  if (stage == Stage::kAbsent) return NeedTip(target);
  const bool to_be_expected = why.code == Errc::kNotFound && stage == Stage::kTip && !tree.IsNull();
  if (to_be_expected) return FetchDirectory(target, tree);
  // Has it just come?  Then it is asked for again.
  if (target.repository->generation() != generation) return LandedWith({});
  return Heal(target.repository, why);
}

Outcome<Done> RepositoryCache::NeedTip(const Target& target) {
  const Repository& repository = *target.repository;
  if (repository.StageOf(target.ref.commit) != Stage::kAbsent) return Done{};
  if (auto failure = flights_.Failure(NoSpaceName(repository))) {
    return std::move(*failure);
  }
  return runner_->Submit(target.repository, JobKind::kClone, target.ref.object.Hex(), kTipPriority);
}

Outcome<Done> RepositoryCache::NeedContent(const Target& target) {
  const Outcome<Done> tip = NeedTip(target);
  if (!tip.has_value()) return tip;
  if (target.repository->StageOf(target.ref.commit) == Stage::kContent) return Done{};
  return SubmitContent(target, kContentOnDemandPriority);
}

Outcome<Done> RepositoryCache::FetchMissingBlobs(const Target& target) {
  const Outcome<Done> tip = NeedTip(target);
  if (!tip.has_value()) return tip;
  const RepositoryPtr& repository = target.repository;
  auto blobs = MissingBlobs(repository->objects(), target.ref.commit);
  if (blobs && blobs->size() > kBlobsAtOnceMax) {
    return SubmitContent(target, kContentOnDemandPriority);
  }
  const std::string commit = target.ref.commit.Hex();
  return FetchNow(
      target, "blobs:" + std::to_string(repository->id()) + ":" + commit,
      [repository, id = target.ref.commit] { return MissingBlobs(repository->objects(), id); });
}

FlightPtr RepositoryCache::SubmitContent(const Target& target, int priority) {
  return runner_->Submit(target.repository, JobKind::kHydrate, target.ref.commit.Hex(), priority);
}

bool RepositoryCache::LooksLikeScan(const Target& target) {
  MutexLock lock(mutex_);
  if (directory_fetch_counts_.size() > kDirectoryFetchCountsMax) directory_fetch_counts_.clear();
  return ++directory_fetch_counts_[target.ref.commit] > kScanDirectoryCount;
}

std::string RepositoryCache::NoSpaceName(const Repository& repository) {
  return "space:" + std::to_string(repository.id());
}

std::string RepositoryCache::RefusedName(const Repository& repository) {
  return "refused:" + std::to_string(repository.id());
}

Outcome<Done> RepositoryCache::FetchDirectory(const Target& target, const Oid& tree) {
  const std::string name =
      "directory:" + std::to_string(target.repository->id()) + ":" + tree.Hex();
  return FetchNow(target, name, [repository = target.repository, tree] {
    return MissingBlobsOfDirectory(repository->objects(), tree);
  });
}

Outcome<Done> RepositoryCache::FetchObject(const Target& target, const Oid& object) {
  const Repository& repository = *target.repository;
  if (repository.objects().Contains(object)) return Done{};
  if (repository.StageOf(target.ref.commit) == Stage::kAbsent) return NeedTip(target);
  if (repository.stage() == Stage::kComplete) {
    return Error{Errc::kNotFound,
                 "object " + object.Hex() + " is not in " + repository.key().Text()};
  }
  const std::string name = "object:" + std::to_string(repository.id()) + ":" + object.Hex();
  return FetchNow(target, name,
                  [repository = target.repository, commit = target.ref.commit, object] {
                    return MissingBeside(repository->objects(), commit, object);
                  });
}

Outcome<Done> RepositoryCache::FetchNow(const Target& target, const std::string& name,
                                        ChooseBlobs choose) {
  if (auto failure = flights_.Failure(name)) return std::move(*failure);
  if (auto failure = flights_.Failure(NoSpaceName(*target.repository))) return std::move(*failure);
  const bool content_to_come = target.repository->StageOf(target.ref.commit) == Stage::kTip;
  const bool refused = flights_.Failure(RefusedName(*target.repository)).has_value();
  if (content_to_come && !name.starts_with("object:") && (refused || LooksLikeScan(target))) {
    return SubmitContent(target, kContentOnDemandPriority);
  }
  const FlightTable::Ticket ticket = flights_.Join(name);
  if (!ticket.first) return ticket.flight;
  scheduler_.Submit(target.repository->key().host, kDirectoryPriority,
                    [this, target, name, flight = ticket.flight, choose = std::move(choose)] {
                      RunFetchNow(target, name, flight, choose);
                    });
  return ticket.flight;
}

Outcome<Done> RepositoryCache::Heal(const RepositoryPtr& repository, const Error& why) {
  const std::string name = "heal:" + std::to_string(repository->id());
  const FlightTable::Ticket ticket = flights_.Join(name);
  if (!ticket.first) return ticket.flight;
  const WallTime now = clock_.Now();
  bool again = false;
  {
    MutexLock lock(mutex_);
    const auto before = healed_at_.find(repository->id());
    again = before != healed_at_.end() && now - before->second < kHealInterval;
    if (!again) healed_at_[repository->id()] = now;
  }
  if (again) {
    flights_.Land(name, Error{Errc::kCorrupt, repository->key().Text() + ": " + why.message}, {});
    return ticket.flight;
  }
  // Not on this thread: it may be using the repository.
  healer_.Submit([this, repository, name, why] {
    RecordError(repository,
                Error{Errc::kCorrupt, "damaged on disk, fetching it again: " + why.message});
    flights_.Land(name, EvictWhenIdle(repository, "damaged on disk: " + why.message, ""), {});
  });
  return ticket.flight;
}

Status RepositoryCache::EvictWhenIdle(const RepositoryPtr& repository, const std::string& reason,
                                      const std::string& for_key) {
  const auto deadline = std::chrono::steady_clock::now() + options_.fetch.request_timeout;
  while (true) {
    Status evicted = Evict(repository, reason, for_key);
    const bool in_use = !evicted && evicted.error().code == Errc::kInvalidArgument;
    if (!in_use || stopping_ || std::chrono::steady_clock::now() > deadline) return evicted;
    std::this_thread::sleep_for(kEvictRetryEvery);
  }
}

}  // namespace reposfs
