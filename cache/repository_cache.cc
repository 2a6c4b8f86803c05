// Opening, evicting, and what happens every second.  The rest is in repository_cache_sync.cc,
// repository_cache_resolve.cc, repository_cache_read.cc and repository_cache_jobs.cc.
#include "cache/repository_cache.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/file_util.h"
#include "base/freed_memory.h"
#include "base/text.h"
#include "cache/job_queue.h"

namespace reposfs {
namespace {

namespace stdfs = std::filesystem;

constexpr std::size_t kDirectoryEntryCountMax = 100'000;
constexpr std::uint64_t kBlobMemoryMaxBytes = 64u << 20;
constexpr milliseconds kTick(1'000);
constexpr milliseconds kPoll(50);
// A worker waits so long for the process that evicts.
constexpr milliseconds kRoomTimeout = std::chrono::seconds(30);
// So many repositories are looked after in one tick: of ten thousand each has its turn every ten
// seconds, which is soon enough for all that is done there.
constexpr std::size_t kVisitCountMax = 1'000;
// Open packs cost descriptors and address space; ten thousand repositories can't all keep theirs.
constexpr milliseconds kHandlesIdleFor = std::chrono::minutes(1);
// Directories and blobs that nobody asked for in so long are made again when somebody does.
constexpr int kUnusedTickCount = 30;
constexpr int kScheduledFetchPriority = 10;
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

}  // namespace

Result<std::unique_ptr<RepositoryCache>> RepositoryCache::Open(RepositoryCacheOptions options,
                                                               const Origin& origin,
                                                               Transport& transport,
                                                               const Clock& clock) {
  const stdfs::path& directory = options.cache.directory;
  for (const char* name : {"repos", "tmp", "trash", "locks", "processes"}) {
    if (auto made = MakeDirectories(directory / name); !made) return std::move(made).error();
  }
  auto lock = options.role == CacheRole::kDaemon ? LockDirectory(directory) : UniqueFd();
  if (!lock) return std::move(lock).error();
  const bool daemon = options.role == CacheRole::kDaemon;
  auto mark = ProcessMark::Create(directory / "processes", daemon ? "mount" : "worker",
                                  JobKindNames(options.jobs.kinds, ","));
  if (!mark) return std::move(mark).error();
  auto catalog = Catalog::Open(directory / "catalog.db");
  if (!catalog) return std::move(catalog).error();
  auto insights = InsightsStore::Open(directory);
  if (!insights) return std::move(insights).error();
  std::unique_ptr<RepositoryCache> cache(
      new RepositoryCache(std::move(options), origin, transport, clock, std::move(*lock),
                          std::move(*mark), std::move(*catalog), std::move(*insights)));
  if (auto started = cache->Start(); !started) return std::move(started).error();
  return cache;
}

RepositoryCache::RepositoryCache(RepositoryCacheOptions options, const Origin& origin,
                                 Transport& transport, const Clock& clock, UniqueFd directory_lock,
                                 ProcessMark mark, Catalog catalog,
                                 std::unique_ptr<InsightsStore> insights)
    : options_(std::move(options)),
      origin_(origin),
      transport_(transport),
      clock_(clock),
      directory_lock_(std::move(directory_lock)),
      mark_(std::move(mark)),
      pins_(options_.cache, origin),
      catalog_(std::move(catalog)),
      ledger_(
          catalog_.database(), mark_.name(),
          [marks = options_.cache.directory / "processes"](const std::string& name) {
            return ProcessMark::IsAlive(marks, name);
          },
          clock_),
      insights_(std::move(insights)),
      fetcher_(origin, transport, options_.fetch, catalog_, ledger_, clock,
               [this](const Repository& repository) { TellOthers(repository); }),
      directories_(kDirectoryEntryCountMax),
      blobs_(kBlobMemoryMaxBytes, options_.cache.directory / "tmp"),
      scheduler_(origin, ledger_, options_.fetch.concurrency, [this] { WakeTicker(); }),
      pin_keeper_(clock, {[this](const RepositoryKey& key) { return PinnedIsHere(key); },
                          [this](const RepositoryKey& key) {
                            auto landed = std::make_shared<Flight>();
                            Pursue([this, key] { return BringPinned(key); }, landed);
                            return landed;
                          }}) {
  room_ = std::make_unique<RoomKeeper>(
      options_.cache, clock_,
      RoomKeeper::Callbacks{
          [this] { return EvictionCandidates(); },
          [this] { return stored_bytes_->load(std::memory_order_relaxed); },
          [this](const Repository& repository) { return IsPinned(repository); },
          [this](const RepositoryPtr& repository, const std::string& reason,
                 const std::string& for_key) { return MakeRoomBy(repository, reason, for_key); },
          [this] { return trash_bytes_.load(); }});
  JobRunner::Settings settings;
  settings.owner = mark_.name();
  settings.kinds = options_.jobs.kinds;
  for (const JobKind kind : kAllJobKinds) {
    const bool missing =
        std::find(settings.kinds.begin(), settings.kinds.end(), kind) == settings.kinds.end();
    if (IsHousekeeping(kind) && missing) settings.kinds.push_back(kind);
  }
  settings.failure_ttl = options_.freshness.negative_ttl;
  settings.lease = options_.jobs.lease;
  runner_ = std::make_unique<JobRunner>(
      JobQueue(catalog_.database()), scheduler_, flights_, clock_, std::move(settings),
      JobRunner::Callbacks{
          [this](const Job& job, const RepositoryPtr& repository, const FlightPtr& flight) {
            return Execute(job, repository, flight);
          },
          [this](const Job& job, const RepositoryPtr& repository, const Error& error) {
            AfterFailure(job, repository, error);
          },
          [this](std::int64_t id) { return FindById(id); }, [this] { Sync(); },
          [this] { WakeTicker(); }});
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
    wake_.NotifyAll();
  }
  if (ticker_.joinable()) ticker_.join();
  preparer_.Stop();
  ahead_.Stop();
  scheduler_.Stop();
  runner_->Stop();
  healer_.Stop();
  trimmer_.Stop();
  sweeper_.Stop();
  flights_.LandAll(Error{Errc::kInterrupted, "reposfs is stopping"});
  std::vector<OpenedRecord> opened;
  for (const RepositoryPtr& repository : Repositories()) {
    if (auto record = repository->TakeOpened()) opened.push_back(*record);
  }
  // Lost at worst: the order of the last second.
  static_cast<void>(catalog_.RecordOpened(opened));
}

void RepositoryCache::PrepareHosts() {
  preparer_.Submit([this] {
    const auto keep_going = [this]() -> Status {
      if (!stopping_) return {};
      return Error{Errc::kInterrupted, "reposfs is stopping"};
    };
    for (const std::string& name : origin_.Hosts()) {
      if (stopping_) return;
      if (const auto host = origin_.HostOf(name)) transport_.Prepare(*host, keep_going);
    }
  });
}

Status RepositoryCache::Start() {
  RereadPins();
  // Nothing waits for it; it has ended before most starts have.
  PrepareHosts();
  Status ready = options_.role == CacheRole::kDaemon ? Reconcile() : Load();
  if (!ready) return ready;
  ticker_ = std::thread([this] {
    SetThreadName("ticker");
    while (!stopping_) {
      const auto next = std::chrono::steady_clock::now() + kTick;
      Tick();
      PollUntil(next);
    }
  });
  return {};
}

void RepositoryCache::WakeTicker() {
  MutexLock lock(mutex_);
  wake_.NotifyAll();
}

void RepositoryCache::PollUntil(std::chrono::steady_clock::time_point end) {
  while (!stopping_) {
    bool others = false;
    if (others_live_) Sync();
    {
      MutexLock lock(mutex_);
      const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
      if (stopping_ || left <= milliseconds(0)) return;
      others = runner_->waits_for_others() || scheduler_.waits_for_others();
      wake_.WaitFor(mutex_, others || others_live_ ? std::min(kPoll, left) : left);
    }
    if (!others) continue;
    scheduler_.Tick();
    runner_->Poll();
  }
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
  RereadPins();
  others_live_ = options_.role == CacheRole::kDaemon && Processes().size() > 1;
  Sync();
  runner_->Tick();
  for (const RepositoryPtr& repository : repositories) {
    repository->ShareNoMore();
    if (repository->stage() == Stage::kAbsent) continue;
    if (now - repository->last_opened() > kHandlesIdleFor) repository->objects().Refresh();
  }
  if (options_.role == CacheRole::kDaemon) LookAfter(repositories);
  if (++tick_count_ % kUnusedTickCount == 0) {
    directories_.DropUnused();
    blobs_.DropUnused();
    BaseCache::OfProcess().DropUnused();
  }
  FreedMemory::OfProcess().GiveBackIfDue();
}

void RepositoryCache::LookAfter(const std::vector<RepositoryPtr>& repositories) {
  const WallTime now = clock_.Now();
  for (const RepositoryPtr& repository : repositories) {
    const CheckSchedule schedule = NextCheck(*repository);
    if (schedule.due && *schedule.due <= now) {
      runner_->Submit(repository, JobKind::kFetch, "", kScheduledFetchPriority);
    }
  }
  KeepPinned(repositories);
  KeepQuota();
}

void RepositoryCache::KeepQuota() {
  // What is too large goes by itself.
  const bool waits = refused_count_.load(std::memory_order_relaxed) > 0;
  if (waits || !room_->NeedsTrim()) return NoteRoom({});
  if (trimming_.exchange(true)) return;
  // Not here: who evicts may be another process, and only the ticker hears that it has.
  trimmer_.Submit([this] {
    NoteRoom(room_->Trim());
    trimming_ = false;
  });
}

void RepositoryCache::NoteRoom(const Status& kept) {
  {
    MutexLock lock(mutex_);
    const bool known = no_room_.has_value();
    if (kept) no_room_.reset();
    if (kept || known) return;
    no_room_ = NoRoom{kept.error(), clock_.Now()};
  }
  spdlog::warn("the cache is over its quota cause=\"{}\"", kept.error().message);
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

CheckSchedule RepositoryCache::NextCheck(const Repository& repository) const {
  const RepositoryRecord record = repository.record();
  if (record.stage == Stage::kAbsent) return {std::nullopt, "it is not on the disk"};
  const bool in_use = clock_.Now() - repository.last_opened() <= options_.freshness.active_for;
  if (!in_use && !IsPinned(record)) {
    return {std::nullopt, "nobody has opened it within freshness.activeFor"};
  }
  const milliseconds unchanged_for = record.last_checked - record.last_changed;
  const milliseconds interval = std::clamp(unchanged_for / 2, kCheckIntervalMin, kCheckIntervalMax);
  // A jitter of up to a tenth, the same each time, keeps repositories apart.
  const milliseconds jitter = interval * ((record.id * 7919) % 100) / 1000;
  const WallTime due = record.last_checked + interval + jitter;
  {
    MutexLock lock(mutex_);
    const auto held_back = next_check_.find(record.id);
    if (held_back != next_check_.end() && held_back->second > due) {
      return {held_back->second, "the last check has failed"};
    }
  }
  if (interval == kCheckIntervalMin) return {due, "it has changed lately: the least interval"};
  if (interval == kCheckIntervalMax) return {due, "it changes seldom: the longest interval"};
  return {due, "half the time for which it had not changed"};
}

std::filesystem::path RepositoryCache::TrashPath(std::int64_t id) {
  // Unlike any that an earlier process may have left.
  return options_.cache.directory / "trash" /
         (std::to_string(id) + "-" + std::to_string(clock_.Now().time_since_epoch().count()) + "-" +
          std::to_string(getpid()) + "-" + std::to_string(next_scratch_.fetch_add(1)));
}

std::vector<RepositoryPtr> RepositoryCache::Repositories() const {
  MutexLock lock(mutex_);
  return in_order_;
}

RepositoryPtr RepositoryCache::FindById(std::int64_t id) const {
  MutexLock lock(mutex_);
  const auto found = by_id_.find(id);
  return found != by_id_.end() ? found->second : nullptr;
}

RepositoryPtr RepositoryCache::Add(const RepositoryKey& key, const RepositoryRecord& record) {
  MutexLock lock(mutex_);
  RepositoryPtr& repository = by_key_[key];
  if (repository) return repository;
  repository = std::make_shared<Repository>(
      key, record, options_.cache.directory / "repos" / std::to_string(record.id), stored_bytes_);
  by_id_.emplace(record.id, repository);
  in_order_.push_back(repository);
  return repository;
}

std::set<RepositoryKey> RepositoryCache::ListedKeys() const {
  const std::vector<RepositoryKey> elsewhere = origin_.KnownElsewhere();
  std::set<RepositoryKey> keys(elsewhere.begin(), elsewhere.end());
  for (const RepositoryPtr& repository : Repositories()) {
    if (repository->stage() != Stage::kAbsent) keys.insert(repository->key());
  }
  return keys;
}

RepositoryPtr RepositoryCache::Find(const RepositoryKey& key) const {
  MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  return found != by_key_.end() ? found->second : nullptr;
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
  const stdfs::path trashed = TrashPath(repository->id());
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
  NoteEvicted(repository);
  trash_bytes_ += size_bytes;
  sweeper_.Submit([this, trashed, size_bytes, id = repository->id()] {
    static_cast<void>(RemoveTree(trashed));
    trash_bytes_ -= size_bytes;
    ForgetInsights(id);
  });
  return {};
}

void RepositoryCache::NoteEvicted(const RepositoryPtr& repository) {
  ++listing_version_;
  std::function<void(const Repository&)> on_evicted;
  {
    MutexLock lock(mutex_);
    on_evicted = on_evicted_;
  }
  if (on_evicted) on_evicted(*repository);
}

bool RepositoryCache::EvictsItself() const {
  const auto& kinds = options_.jobs.kinds;
  return std::find(kinds.begin(), kinds.end(), JobKind::kEvict) != kinds.end();
}

Status RepositoryCache::MakeRoomBy(const RepositoryPtr& repository, const std::string& reason,
                                   const std::string& for_key) {
  if (EvictsItself()) return Evict(repository, reason, for_key);
  const FlightPtr evicted =
      runner_->Submit(repository, JobKind::kEvict, for_key, HostScheduler::kForegroundPriority);
  const auto deadline = std::chrono::steady_clock::now() + kRoomTimeout;
  while (!evicted->landed()) {
    if (stopping_) return Error{Errc::kInterrupted, "reposfs is stopping"};
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{Errc::kNoSpace,
                   "nobody makes room: run `reposfs mount`, or `reposfs worker "
                   "--job=evict`"};
    }
    std::this_thread::sleep_for(kPoll);
  }
  return evicted->Wait();
}

std::vector<RepositoryPtr> RepositoryCache::EvictionCandidates() {
  if (options_.role == CacheRole::kWorker) {
    // The daemon sees what is opened, and tells the catalog.
    const auto records = catalog_.Repositories();
    for (const RepositoryRecord& record : records ? *records : std::vector<RepositoryRecord>()) {
      if (const RepositoryPtr repository = FindById(record.id)) {
        repository->NoteOpened(record.last_opened);
      }
    }
  }
  return Repositories();
}

Result<std::vector<Job>> RepositoryCache::Jobs() const {
  auto jobs = runner_->queue().List();
  if (jobs) std::erase_if(*jobs, [](const Job& job) { return IsHousekeeping(job.kind); });
  return jobs;
}

std::vector<ProcessMark::Living> RepositoryCache::Processes() const {
  return ProcessMark::List(options_.cache.directory / "processes");
}

}  // namespace reposfs
