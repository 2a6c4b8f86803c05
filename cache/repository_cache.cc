// Opening, reconciling, evicting, and what happens every second.  The rest is in
// repository_cache_resolve.cc, repository_cache_read.cc and repository_cache_jobs.cc.
#include "cache/repository_cache.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "base/file_util.h"
#include "base/freed_memory.h"
#include "base/text.h"
#include "cache/job_queue.h"
#include "cache/staging.h"

namespace reposfs {
namespace {

namespace stdfs = std::filesystem;

constexpr std::size_t kDirectoryEntryCountMax = 100'000;
constexpr std::uint64_t kBlobMemoryMaxBytes = 64u << 20;
constexpr milliseconds kTick(1'000);
// So many repositories are looked after in one tick: of ten thousand each has its turn every ten
// seconds, which is soon enough for all that is done there.
constexpr std::size_t kVisitCountMax = 1'000;
// Open packs cost descriptors and address space; ten thousand repositories can't all keep theirs.
constexpr milliseconds kHandlesIdleFor = std::chrono::minutes(1);
constexpr std::size_t kBytesPerRecordRead = 400;
// Directories and blobs that nobody asked for in so long are made again when somebody does.
constexpr int kUnusedTickCount = 30;
constexpr milliseconds kCheckIntervalMin = std::chrono::seconds(45);
constexpr milliseconds kCheckIntervalMax = std::chrono::hours(8);

Result<UniqueFd> LockDirectory(const stdfs::path& directory) {
  auto fd = OpenFile(directory / "lock", O_RDWR | O_CREAT);
  if (!fd) return fd;
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return ErrnoError(errno, "lock " + directory.string());
  return Error{Errc::kInvalidArgument, "another reposfs is using the cache directory " +
                                           directory.string() +
                                           "; unmount it, or use another directory with --cache"};
}

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

// Brings what is in a sealed staging into the repository, and removes the staging.  Returns whether
// there was something to bring, and where.
bool AdoptSealed(const stdfs::path& path, const stdfs::path& repository) {
  auto staging = Staging::Reopen(path);
  std::error_code error;
  if (!staging || !stdfs::exists(repository, error)) return false;
  if (auto adopted = StoreDirectory(repository).Adopt(*staging); !adopted) {
    // Each of its steps leaves the store right.  The job brings again what is missing.
    spdlog::warn("not adopted staging={} cause=\"{}\"", path.string(), adopted.error().message);
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<RepositoryCache>> RepositoryCache::Open(RepositoryCacheOptions options,
                                                               const Origin& origin,
                                                               Transport& transport,
                                                               const Clock& clock) {
  const stdfs::path& directory = options.cache.directory;
  for (const char* name : {"repos", "tmp", "trash"}) {
    if (auto made = MakeDirectories(directory / name); !made) return std::move(made).error();
  }
  auto lock = LockDirectory(directory);
  if (!lock) return std::move(lock).error();
  auto catalog = Catalog::Open(directory / "catalog.db");
  if (!catalog) return std::move(catalog).error();
  std::unique_ptr<RepositoryCache> cache(new RepositoryCache(
      std::move(options), origin, transport, clock, std::move(*lock), std::move(*catalog)));
  if (auto started = cache->Start(); !started) return std::move(started).error();
  return cache;
}

RepositoryCache::RepositoryCache(RepositoryCacheOptions options, const Origin& origin,
                                 Transport& transport, const Clock& clock, UniqueFd directory_lock,
                                 Catalog catalog)
    : options_(std::move(options)),
      origin_(origin),
      clock_(clock),
      directory_lock_(std::move(directory_lock)),
      catalog_(std::move(catalog)),
      fetcher_(origin, transport, options_.fetch, catalog_, clock),
      directories_(kDirectoryEntryCountMax),
      blobs_(kBlobMemoryMaxBytes, options_.cache.directory / "tmp"),
      scheduler_(origin, options_.fetch.concurrency) {
  room_ = std::make_unique<RoomKeeper>(
      options_.cache, clock_,
      RoomKeeper::Callbacks{
          [this] { return Repositories(); },
          [this] { return stored_bytes_->load(std::memory_order_relaxed); },
          [this](const Repository& repository) { return IsPinned(repository); },
          [this](const RepositoryPtr& repository, const std::string& reason,
                 const std::string& for_key) { return Evict(repository, reason, for_key); },
          [this] { return trash_bytes_.load(); }});
  runner_ = std::make_unique<JobRunner>(
      JobQueue(catalog_.database()), scheduler_, flights_, clock_,
      JobRunner::Limits{8, options_.freshness.negative_ttl},
      [this](const Job& job, const RepositoryPtr& repository, const FlightPtr& flight) {
        return Execute(job, repository, flight);
      },
      [this](const Job& job, const RepositoryPtr& repository, const Error& error) {
        AfterFailure(job, repository, error);
      });
}

RepositoryCache::~RepositoryCache() {
  Stop();
}

void RepositoryCache::OnEvicted(std::function<void(const Repository&)> callback) {
  MutexLock lock(mutex_);
  on_evicted_ = std::move(callback);
}

void RepositoryCache::Stop() {
  if (stopping_.exchange(true)) return;
  {
    MutexLock lock(mutex_);
    stop_.NotifyAll();
  }
  if (ticker_.joinable()) ticker_.join();
  ahead_.Stop();
  scheduler_.Stop();
  runner_->Stop();
  healer_.Stop();
  sweeper_.Stop();
  flights_.LandAll(Error{Errc::kInterrupted, "reposfs is stopping"});
  std::vector<OpenedRecord> opened;
  for (const RepositoryPtr& repository : Repositories()) {
    if (auto record = repository->TakeOpened()) opened.push_back(*record);
  }
  // Lost at worst: the order of the last second.
  static_cast<void>(catalog_.RecordOpened(opened));
}

Status RepositoryCache::Start() {
  if (auto reconciled = Reconcile(); !reconciled) return reconciled;
  std::unordered_map<std::int64_t, RepositoryPtr> by_id;
  for (const RepositoryPtr& repository : Repositories())
    by_id.emplace(repository->id(), repository);
  Status resumed = runner_->Resume([&](std::int64_t id) {
    const auto found = by_id.find(id);
    return found != by_id.end() ? found->second : nullptr;
  });
  if (!resumed) return resumed;
  ticker_ = std::thread([this] {
    SetThreadName("ticker");
    while (!stopping_) {
      Tick();
      MutexLock lock(mutex_);
      if (!stopping_) stop_.WaitFor(mutex_, kTick);
    }
  });
  return {};
}

Status RepositoryCache::Reconcile() {
  // What a job has sealed is adopted now, before anybody looks: the job itself may find that it has
  // nothing more to bring.  Everything else in tmp/ is rubbish.
  auto jobs = runner_->List();
  if (!jobs) return std::move(jobs).error();
  std::set<std::string> expected;
  for (const Job& job : *jobs) {
    const std::string name = std::to_string(job.repository);
    if (AdoptSealed(StagingOf(job), options_.cache.directory / "repos" / name)) {
      expected.insert(name);
    }
  }
  for (const stdfs::path& path : Children(options_.cache.directory / "tmp")) {
    if (auto removed = RemoveTree(path); !removed) return removed;
  }
  return ReconcileRepositories(std::move(expected));
}

Status RepositoryCache::ReconcileRepositories(std::set<std::string> expected) {
  // All at once: to ask the disk and the catalog about each of ten thousand takes longer than users
  // wait for a mount.
  auto records = catalog_.Repositories();
  if (!records) return std::move(records).error();
  auto roots = catalog_.Roots();
  if (!roots) return std::move(roots).error();
  const stdfs::path repos = options_.cache.directory / "repos";
  const std::set<std::string> there = DirectoriesIn(repos);
  for (RepositoryRecord& record : *records) {
    auto key = ParseRepositoryKey(record.key);
    if (!key) continue;
    const std::string name = std::to_string(record.id);
    if (record.stage != Stage::kAbsent && !there.contains(name)) {
      if (auto noted = NoteVanished(record); !noted) return noted;
    }
    auto repository = std::make_shared<Repository>(*key, record, repos / name, stored_bytes_);
    if (record.stage != Stage::kAbsent) {
      expected.insert(name);
      for (const RootRecord& root : (*roots)[record.id]) repository->SetRoot(root);
    }
    MutexLock lock(mutex_);
    by_key_.emplace(*key, repository);
    in_order_.push_back(std::move(repository));
  }
  for (const stdfs::path& path : Children(repos)) {
    if (expected.contains(path.filename().string())) continue;
    if (auto renamed = Rename(path, TrashPath(0)); !renamed) return renamed;
  }
  // The lists above: of ten thousand repositories they take 4 MB.
  FreedMemory::OfProcess().NoteFreed(records->size() * kBytesPerRecordRead);
  sweeper_.Submit([trash = options_.cache.directory / "trash"] {
    for (const stdfs::path& path : Children(trash)) static_cast<void>(RemoveTree(path));
  });
  return {};
}

Status RepositoryCache::NoteVanished(RepositoryRecord& record) {
  const EvictionRecord lost{clock_.Now(), record.key, "its directory has vanished",
                            record.size_bytes, ""};
  if (auto evicted = catalog_.Evict(record.id, lost); !evicted) return evicted;
  record.stage = Stage::kAbsent;
  record.size_bytes = 0;
  return {};
}

void RepositoryCache::Tick() {
  std::vector<OpenedRecord> opened;
  const WallTime now = clock_.Now();
  const std::vector<RepositoryPtr> repositories = NextToVisit();
  for (const RepositoryPtr& repository : repositories) {
    if (auto record = repository->TakeOpened()) opened.push_back(*record);
  }
  if (!opened.empty()) {
    if (auto recorded = catalog_.RecordOpened(opened); !recorded) {
      spdlog::error("last-opened times not saved cause=\"{}\"", recorded.error().message);
    }
  }
  scheduler_.Tick();
  runner_->Tick();
  for (const RepositoryPtr& repository : repositories) {
    if (repository->stage() == Stage::kAbsent) continue;
    if (now - repository->last_opened() > kHandlesIdleFor) repository->objects().Refresh();
    if (now - repository->last_opened() > options_.freshness.active_for) continue;
    if (NextCheck(*repository) <= now) runner_->Submit(repository, JobKind::kFetch, "", 10);
  }
  // What is too large goes by itself.
  const bool waits = refused_count_.load(std::memory_order_relaxed) > 0;
  const Status trimmed = waits ? Status() : room_->Trim();
  if (!trimmed && !over_quota_) {
    spdlog::warn("the cache is over its quota cause=\"{}\"", trimmed.error().message);
  }
  over_quota_ = !trimmed;
  if (++tick_count_ % kUnusedTickCount == 0) {
    directories_.DropUnused();
    blobs_.DropUnused();
    BaseCache::OfProcess().DropUnused();
  }
  FreedMemory::OfProcess().GiveBackIfDue();
}

std::vector<RepositoryPtr> RepositoryCache::NextToVisit() {
  MutexLock lock(mutex_);
  const std::size_t count = std::min(in_order_.size(), kVisitCountMax);
  std::vector<RepositoryPtr> visited;
  visited.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (next_to_visit_ >= in_order_.size()) next_to_visit_ = 0;
    visited.push_back(in_order_[next_to_visit_++]);
  }
  return visited;
}

WallTime RepositoryCache::NextCheck(const Repository& repository) const {
  const RepositoryRecord record = repository.record();
  const milliseconds unchanged_for = record.last_checked - record.last_changed;
  const milliseconds interval = std::clamp(unchanged_for / 2, kCheckIntervalMin, kCheckIntervalMax);
  // A jitter of up to a tenth, the same each time, keeps repositories apart.
  const milliseconds jitter = interval * ((record.id * 7919) % 100) / 1000;
  WallTime next = record.last_checked + interval + jitter;
  MutexLock lock(mutex_);
  const auto held_back = next_check_.find(record.id);
  if (held_back != next_check_.end()) next = std::max(next, held_back->second);
  return next;
}

std::filesystem::path RepositoryCache::TrashPath(std::int64_t id) {
  // Unlike any that an earlier process may have left.
  return options_.cache.directory / "trash" /
         (std::to_string(id) + "-" + std::to_string(clock_.Now().time_since_epoch().count()) + "-" +
          std::to_string(getpid()) + "-" + std::to_string(next_scratch_.fetch_add(1)));
}

std::filesystem::path RepositoryCache::StagingOf(const Job& job) const {
  return options_.cache.directory / "tmp" / ("job-" + std::to_string(job.id));
}

std::vector<RepositoryPtr> RepositoryCache::Repositories() const {
  MutexLock lock(mutex_);
  return in_order_;
}

RepositoryPtr RepositoryCache::Find(const RepositoryKey& key) const {
  MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  return found != by_key_.end() ? found->second : nullptr;
}

bool RepositoryCache::IsPinned(const Repository& repository) const {
  const RepositoryRecord record = repository.record();
  if (record.pinned) return true;
  return std::any_of(options_.cache.never_evict.begin(), options_.cache.never_evict.end(),
                     [&](const std::string& pattern) {
                       return MatchesPattern(pattern, record.key) || pattern == record.upstream ||
                              pattern + ".git" == record.upstream;
                     });
}

Status RepositoryCache::SetPinned(const RepositoryPtr& repository, bool pinned) {
  auto record = catalog_.SetPinned(repository->id(), pinned);
  if (!record) return std::move(record).error();
  repository->SetRecord(*record);
  return {};
}

Status RepositoryCache::Evict(const RepositoryPtr& repository, const std::string& reason,
                              const std::string& for_key) {
  const std::string key = repository->key().Text();
  if (!repository->BeginEviction()) {
    return Error{Errc::kInvalidArgument, key + " is in use; try again when its transfers are done"};
  }
  const std::uint64_t size_bytes = repository->size_bytes();
  const stdfs::path trashed =
      options_.cache.directory / "trash" /
      (std::to_string(repository->id()) + "-" + std::to_string(next_scratch_.fetch_add(1)));
  Status evicted = catalog_.Evict(repository->id(),
                                  EvictionRecord{clock_.Now(), key, reason, size_bytes, for_key});
  if (evicted) {
    repository->Forget();
    evicted = Rename(repository->directory().path(), trashed);
    if (!evicted && evicted.error().code == Errc::kNotFound) evicted = {};
  }
  repository->EndEviction();
  if (!evicted) return evicted;
  spdlog::info("evicted repo={} bytes={} reason=\"{}\" for={}", key, size_bytes, Printable(reason),
               for_key.empty() ? "-" : for_key);
  ++listing_version_;
  std::function<void(const Repository&)> on_evicted;
  {
    MutexLock lock(mutex_);
    on_evicted = on_evicted_;
  }
  if (on_evicted) on_evicted(*repository);
  trash_bytes_ += size_bytes;
  sweeper_.Submit([this, trashed, size_bytes] {
    static_cast<void>(RemoveTree(trashed));
    trash_bytes_ -= size_bytes;
  });
  return {};
}

std::vector<ActiveTransfer> RepositoryCache::ActiveTransfers() const {
  MutexLock lock(mutex_);
  std::vector<ActiveTransfer> transfers;
  for (const auto& [id, transfer] : active_) transfers.push_back(transfer);
  return transfers;
}

}  // namespace reposfs
