// The catalog, the disk, and what other processes do to them.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/file_util.h"
#include "base/freed_memory.h"
#include "cache/repository_cache.h"
#include "cache/staging.h"

namespace reposfs {
namespace {

namespace stdfs = std::filesystem;

constexpr std::size_t kBytesPerRecordRead = 400;
// A job that was given up is shown for so long.
constexpr milliseconds kFailedShownFor = std::chrono::hours(24 * 7);
// Three times as often as a daemon that is not alone asks.
constexpr milliseconds kOthersHearWithin(150);
// It counts the others with each tick.
constexpr milliseconds kOthersKnowOfMeWithin(1'200);
constexpr std::string_view kJobStaging = "job-";

std::vector<stdfs::path> Children(const stdfs::path& directory) {
  std::vector<stdfs::path> children;
  std::error_code error;
  for (const auto& entry : stdfs::directory_iterator(directory, error)) {
    children.push_back(entry.path());
  }
  return children;
}

std::set<std::string> DirectoriesIn(const stdfs::path& directory) {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : stdfs::directory_iterator(directory, error)) {
    if (entry.is_directory(error)) names.insert(entry.path().filename().string());
  }
  return names;
}

// 0 if it is none of a job.
std::int64_t JobIdOf(const stdfs::path& staging) {
  const std::string name = staging.filename();
  if (!name.starts_with(kJobStaging)) return 0;
  std::int64_t id = 0;
  std::from_chars(name.data() + kJobStaging.size(), name.data() + name.size(), id);
  return id;
}

}  // namespace

// A process that slept over its lease must not meet the one that has its job now.
std::filesystem::path RepositoryCache::StagingOf(const Job& job) const {
  return options_.cache.directory / "tmp" /
         (std::string(kJobStaging) + std::to_string(job.id) + "-" + std::to_string(job.claims));
}

Status RepositoryCache::Load() {
  // All at once: to ask the disk and the catalog about each of ten thousand takes longer than users
  // wait for a mount.
  auto records = catalog_.Repositories();
  if (!records) return std::move(records).error();
  auto roots = catalog_.Roots();
  if (!roots) return std::move(roots).error();
  const bool daemon = options_.role == CacheRole::kDaemon;
  const std::set<std::string> there = DirectoriesIn(options_.cache.directory / "repos");
  std::int64_t revision = 0;
  for (RepositoryRecord& record : *records) {
    revision = std::max(revision, record.revision);
    auto key = ParseRepositoryKey(record.key);
    if (!key) continue;
    const bool vanished =
        record.stage != Stage::kAbsent && !there.contains(std::to_string(record.id));
    if (vanished && daemon) {
      if (auto noted = NoteVanished(record); !noted) return noted;
    }
    const RepositoryPtr repository = Add(*key, record);
    if (record.stage == Stage::kAbsent) continue;
    for (const RootRecord& root : (*roots)[record.id]) repository->SetRoot(root);
  }
  // The lists above: of ten thousand repositories they take 4 MB.
  FreedMemory::OfProcess().NoteFreed(records->size() * kBytesPerRecordRead);
  MutexLock lock(syncing_);
  synced_revision_ = revision;
  return {};
}

Status RepositoryCache::Reconcile() {
  if (auto loaded = Load(); !loaded) return loaded;
  if (auto released = ReleaseDead(); !released) return released;
  auto expected = ReconcileStagings();
  if (!expected) return std::move(expected).error();
  for (const RepositoryPtr& repository : Repositories()) {
    repository->ShareNoMore();
    if (repository->stage() != Stage::kAbsent) expected->insert(std::to_string(repository->id()));
  }
  for (const stdfs::path& path : Children(options_.cache.directory / "repos")) {
    if (expected->contains(path.filename().string())) continue;
    if (auto renamed = Rename(path, TrashPath(0)); !renamed) return renamed;
  }
  sweeper_.Submit([this, trash = options_.cache.directory / "trash"] {
    for (const stdfs::path& path : Children(trash)) static_cast<void>(RemoveTree(path));
    const auto known = insights_->Repositories();
    for (const std::int64_t id : known ? *known : std::vector<std::int64_t>()) ForgetInsights(id);
  });
  return {};
}

Result<std::set<std::string>> RepositoryCache::ReconcileStagings() {
  // Listed before the jobs: a job of a worker is there before its staging is.
  const std::vector<stdfs::path> stagings = Children(options_.cache.directory / "tmp");
  auto jobs = runner_->queue().List();
  if (!jobs) return std::move(jobs).error();
  std::unordered_map<std::int64_t, Job> by_id;
  for (const Job& job : *jobs) by_id.emplace(job.id, job);
  std::set<std::string> expected;
  for (const stdfs::path& staging : stagings) {
    const auto found = by_id.find(JobIdOf(staging));
    if (found != by_id.end()) {
      const Job& job = found->second;
      const bool of_worker = job.running() && staging == StagingOf(job);
      if (of_worker || AdoptSealed(job, staging)) expected.insert(std::to_string(job.repository));
      if (of_worker) continue;
    }
    if (auto removed = RemoveTree(staging); !removed) return std::move(removed).error();
  }
  return expected;
}

bool RepositoryCache::AdoptSealed(const Job& job, const stdfs::path& path) {
  auto staging = Staging::Reopen(path);
  const RepositoryPtr repository = FindById(job.repository);
  std::error_code error;
  if (!staging || !repository || !stdfs::exists(repository->directory().path(), error)) {
    return false;
  }
  const Repository::Use use(repository);
  const Status adopted =
      repository->ChangeDirectory([&] { return repository->directory().Adopt(*staging); });
  if (!adopted) {
    // Each of its steps leaves the store right.  The job brings again what is missing.
    spdlog::warn("not adopted staging={} cause=\"{}\"", path.string(), adopted.error().message);
  }
  repository->ContentChanged();
  return true;
}

Status RepositoryCache::NoteVanished(RepositoryRecord& record) {
  const EvictionRecord lost{clock_.Now(), record.key, "its directory has vanished",
                            record.size_bytes, ""};
  if (auto evicted = catalog_.Evict(record.id, lost); !evicted) return evicted;
  record.stage = Stage::kAbsent;
  record.size_bytes = 0;
  return {};
}

Status RepositoryCache::ReleaseDead() {
  JobQueue& queue = runner_->queue();
  auto owners = queue.Owners();
  if (!owners) return std::move(owners).error();
  for (const std::string& owner : *owners) {
    if (ProcessMark::IsAlive(options_.cache.directory / "processes", owner)) continue;
    const auto running = queue.List({{}, JobState::kRunning, {}});
    if (!running) return running.error();
    // What a job has sealed is adopted now: the job itself may find that it has nothing to bring.
    for (const Job& job : *running) {
      if (job.owner != owner) continue;
      AdoptSealed(job, StagingOf(job));
      // What can't be removed now stands in nobody's way: the next attempt has another staging.
      if (auto removed = RemoveTree(StagingOf(job)); !removed) {
        spdlog::warn("not removed staging={} cause=\"{}\"", StagingOf(job).string(),
                     removed.error().message);
      }
    }
    auto released = queue.ReleaseOwner(owner, clock_.Now(), kJobAttemptCountMax);
    if (!released) return std::move(released).error();
    if (*released > 0) spdlog::warn("a process has died owner={} jobs={}", owner, *released);
  }
  return {};
}

Status RepositoryCache::ExecuteReset() {
  if (auto released = ReleaseDead(); !released) return released;
  auto lapsed = runner_->queue().ReleaseLapsed(mark_.name(), clock_.Now(), kJobAttemptCountMax);
  if (!lapsed) return std::move(lapsed).error();
  if (*lapsed > 0) spdlog::warn("a process hangs; its jobs go to others jobs={}", *lapsed);
  return {};
}

Status RepositoryCache::ExecuteClean() {
  // Listed before the jobs: a job is there before its staging is.
  const std::vector<stdfs::path> stagings = Children(options_.cache.directory / "tmp");
  auto removed = runner_->queue().RemoveFailed(clock_.Now() - kFailedShownFor);
  if (!removed) return std::move(removed).error();
  auto jobs = runner_->queue().List();
  if (!jobs) return std::move(jobs).error();
  std::set<stdfs::path> owed;
  for (const Job& job : *jobs) {
    if (job.state != JobState::kFailed) owed.insert(StagingOf(job));
  }
  for (const stdfs::path& staging : stagings) {
    if (JobIdOf(staging) == 0 || owed.contains(staging)) continue;
    if (auto gone = RemoveTree(staging); !gone) return gone;
  }
  return {};
}

void RepositoryCache::TellOthers(const Repository& repository) {
  if (Processes().size() < 2) return;
  // A new revision.  If it can't be written, they find out by what they miss.
  static_cast<void>(catalog_.Change(repository.id(), RepositoryChange{}));
  const auto known_at = begun_at_ + kOthersKnowOfMeWithin;
  std::this_thread::sleep_until(
      std::max(known_at, std::chrono::steady_clock::now() + kOthersHearWithin));
}

void RepositoryCache::Sync() {
  MutexLock lock(syncing_);
  const auto version = catalog_.OthersVersion();
  if (!version || *version == others_version_) return;
  SyncHeldHosts();
  const auto records = catalog_.ChangedAfter(synced_revision_);
  if (!records) return;
  for (const RepositoryRecord& record : *records) {
    Apply(record);
    synced_revision_ = record.revision;
  }
  others_version_ = *version;
}

void RepositoryCache::SyncHeldHosts() {
  const WallTime now = clock_.Now();
  const auto held = catalog_.HeldHosts(now);
  if (!held) return;
  for (const HeldHost& host : *held) scheduler_.HoldBack(host.name, host.until - now, host.cause);
}

void RepositoryCache::Apply(const RepositoryRecord& record) {
  const auto key = ParseRepositoryKey(record.key);
  if (!key) return;
  const RepositoryPtr repository = Add(*key, record);
  repository->NoteOpened(record.last_opened);
  const Stage before = repository->stage();
  if (record.stage == Stage::kAbsent) {
    repository->SetRecord(record);
    if (before == Stage::kAbsent) return;
    repository->Forget();
    return NoteEvicted(repository);
  }
  const auto roots = catalog_.RootsOf(record.id);
  for (const RootRecord& root : roots ? *roots : std::vector<RootRecord>()) {
    repository->SetRoot(root);
  }
  // New packs first: what a ref names must be there to be found.
  repository->ContentChanged();
  const RefSnapshotPtr known = repository->refs();
  auto saved = repository->directory().Refs();
  if (saved && (!known || *known != *saved)) {
    if (before == Stage::kComplete) repository->ContentChangedForAll();
    repository->SetRefs(std::make_shared<const RefSnapshot>(std::move(*saved)));
  }
  repository->SetRecord(record);
  if (before == Stage::kAbsent) ++listing_version_;
}

}  // namespace reposfs
