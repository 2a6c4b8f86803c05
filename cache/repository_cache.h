// The cache: every repository there is, brought here when somebody asks for it.
//
// This is what the mount and the commands talk to.  It answers from the disk, or returns the Flight
// that will bring what is missing; it never waits itself.  Underneath, jobs move each repository
// through its stages (cache/catalog.h), transfers share the places of their host, and the least
// recently opened repositories make room.
//
//   Resolve()        name, ref          -> the commit to show       (may ask the host)
//   ReadDirectory()  tree               -> its entries, with sizes  (may fetch the tip, or blobs)
//   ReadBlob()       blob               -> its content              (may fetch its directory)
//   FetchObject()    any id             -> it is in a pack now      (git looked for it)
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/flight.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "base/unique_fd.h"
#include "cache/blob_cache.h"
#include "cache/catalog.h"
#include "cache/directory_cache.h"
#include "cache/early_roots.h"
#include "cache/fetcher.h"
#include "cache/flight_table.h"
#include "cache/host_ledger.h"
#include "cache/host_scheduler.h"
#include "cache/insights_store.h"
#include "cache/job_runner.h"
#include "cache/options.h"
#include "cache/origin.h"
#include "cache/pin_keeper.h"
#include "cache/pin_list.h"
#include "cache/problem.h"
#include "cache/process_mark.h"
#include "cache/read_ahead.h"
#include "cache/repository.h"
#include "cache/room_keeper.h"
#include "cache/transport.h"
#include "cache/upload_request.h"

namespace reposfs {

// What a process is to the cache directory.
enum class CacheRole {
  kDaemon,  // The one that shows the repositories and looks after them: one at a time.
  kWorker,  // One of any number that only run jobs.
};

struct RepositoryCacheOptions {
  CacheOptions cache;
  JobOptions jobs;
  CacheRole role = CacheRole::kDaemon;
  FreshnessOptions freshness;
  HistoryOptions history;
  FetchOptions fetch;
  LruOptions lru;
};

// What one view shows.
struct Target {
  RepositoryPtr repository;
  ResolvedRef ref;
};

// Whether an answer may be older than `freshness.maxAge`.
enum class Staleness { kAsConfigured, kAccepted };

enum class Sizes {
  kNotNeeded,
  kIfHere,  // Only if that needs no fetching.
  kNeeded,
};

// What was heard of failures before, and is still believed.
enum class Failures {
  kForgotten,  // Somebody asks on purpose: the host is asked again.
  kBelieved,
};

// A transfer under way in any process, for people to look at.
struct ActiveTransfer {
  std::string key;
  JobKind kind;
  int attempt_count;
  FetchProgress progress;
  WallTime started_at;
};

// What the processes on a cache directory do to a host.
struct HostUse {
  int running_count = 0;  // Transfers under way.
  int queued_count = 0;   // Jobs that are due, or what waits in this process, if it is more.
  std::optional<int> requests_left;  // In the current minute; not set: there is no limit.
  milliseconds held_for{0};          // It asks to be left alone for so long.
  std::string held_cause;
};

struct CheckSchedule {
  std::optional<WallTime> due;  // Not set: not until somebody asks.
  std::string reason;
};

class RepositoryCache {
 public:
  // Opens the cache directory, makes the disk agree with the catalog, and goes on with the jobs
  // that are left.  `origin`, `transport` and `clock` must outlive the cache.
  //
  // Errors: kInvalidArgument if another process has the directory; those of Catalog.
  static Result<std::unique_ptr<RepositoryCache>> Open(RepositoryCacheOptions options,
                                                       const Origin& origin, Transport& transport,
                                                       const Clock& clock);
  ~RepositoryCache();
  RepositoryCache(const RepositoryCache&) = delete;
  RepositoryCache& operator=(const RepositoryCache&) = delete;

  const RepositoryCacheOptions& options() const { return options_; }
  const Origin& origin() const { return origin_; }
  const Clock& clock() const { return clock_; }

  // Called after a repository has been evicted, on any thread.  An empty function ends it.
  void OnEvicted(std::function<void(const Repository&)> callback) REPOSFS_EXCLUDES(mutex_);

  // Ends all work: waits for what runs and lands every flight.  After it nothing is called back.
  // The destructor does it, too; call it before what flights call back into is destroyed.
  void Stop() REPOSFS_EXCLUDES(mutex_);

  // Every repository that was ever asked for, in the order of the first time.
  std::vector<RepositoryPtr> Repositories() const REPOSFS_EXCLUDES(mutex_);
  RepositoryPtr Find(const RepositoryKey& key) const REPOSFS_EXCLUDES(mutex_);

  // What a directory of names shows: the repositories on the disk, and those that other machines
  // have.
  std::set<RepositoryKey> ListedKeys() const REPOSFS_EXCLUDES(mutex_);
  // Counts up whenever that has changed.
  std::uint64_t listing_version() const { return listing_version_ + origin_.known_version(); }

  // Understands `spelling`, what follows '@' ("" for the default branch).
  //
  // Errors: kNotFound (host, repository or ref), and what the host's word was.
  Outcome<Target> Resolve(const RepositoryKey& key, const std::string& spelling,
                          Staleness staleness);

  // Errors of the reads: those of fetching, and kCorrupt if the disk is broken beyond healing.
  //
  // A commit and its root tree can be read as soon as they have come, before the rest of the tip.
  Outcome<Commit> ReadCommit(const Target& target);
  Outcome<DirectoryPtr> ReadDirectory(const Target& target, const Oid& tree, Sizes sizes);
  Outcome<Content> ReadBlob(const Target& target, const Oid& tree, const Oid& blob);

  // What was inflated and is still being read.
  BlobCache& blobs() { return blobs_; }

  // For reading ahead: somebody reads `blob`, an entry of `tree`, from its beginning; or has listed
  // the directory `tree`.
  void NoteReading(const Target& target, const Oid& tree, const Oid& blob);
  void NoteListed(const Target& target, const Oid& tree);

  // Brings the commit with all its trees.
  Outcome<Done> NeedTip(const Target& target) REPOSFS_EXCLUDES(mutex_);
  // Brings the content pack of the commit.
  Outcome<Done> NeedContent(const Target& target);

  // Some blobs of the commit are missing: brings all of them, a few at once, many with the content
  // pack.
  Outcome<Done> FetchMissingBlobs(const Target& target);

  // git looked for `object` in the repository and did not find it.  kNotFound: it does not exist,
  // or the upstream does not give it.
  Outcome<Done> FetchObject(const Target& target, const Oid& object);

  // Brings what a git client asks for that fetches from this cache.  Done: it is here, and stays
  // while somebody has a Use that is older than this call.  kNotFound: the upstream has no such
  // object.
  Outcome<Done> Provide(const RepositoryPtr& repository, const FetchArguments& asked);
  // Whether it is here, without ever bringing anything.
  bool CanProvide(const Repository& repository, const FetchArguments& asked) const;

  // What the history and the files of the target's commit tell, as it was computed last; null if it
  // has not been, and then a job does, as soon as the commit is here.  Blocks on the disk.
  InsightsDocumentPtr InsightsOf(const Target& target);
  // The same, once they tell as much as they will: with the history, unless the configuration says
  // `none`.  What is missing for that is under way.  Errors: those of its jobs.
  Outcome<InsightsDocumentPtr> FinalInsightsOf(const Target& target);
  // What the default branch shows as far as is known, without asking anybody.
  std::optional<Target> DefaultView(const RepositoryKey& key);
  // Whether, and when, the history of a repository is fetched: on demand only, where others keep
  // it.
  HistoryPolicy HistoryOf(const RepositoryKey& key) const;

  // For commands.  The flight lands when `key` has reached `stage`.
  FlightPtr Warm(const RepositoryKey& key, Stage stage, Failures failures = Failures::kForgotten);
  // The same for what peers have: nobody has opened it here, and they did at `opened_at`; what they
  // remember of the refs will do.  Everything comes in one transfer after the tip: nobody waits for
  // its content.
  FlightPtr Copy(const RepositoryKey& key, Stage stage, WallTime opened_at)
      REPOSFS_EXCLUDES(mutex_);
  FlightPtr Refresh(const RepositoryPtr& repository, Failures failures = Failures::kForgotten);
  Status SetPinned(const RepositoryPtr& repository, bool pinned);
  bool IsPinned(const Repository& repository) const { return IsPinned(repository.record()); }
  // What is wrong with what the configuration pins.
  std::vector<PinProblem> PinProblems() const { return pins_.problems(); }
  // What is pinned by name, and can't be fetched; at most a hundred.
  std::vector<PinKeeper::Trouble> PinTroubles() const;
  // Errors: kInvalidArgument if it is in use.
  Status Evict(const RepositoryPtr& repository, const std::string& reason,
               const std::string& for_key);

  std::uint64_t quota_bytes() const { return room_->quota_bytes(); }
  std::uint64_t used_bytes() const { return room_->used_bytes(); }
  // What the insights take on the disk, beside the quota.
  std::uint64_t insights_bytes() const { return insights_->size_bytes(); }
  // What is owed, and what was given up, without the housekeeping.
  Result<std::vector<Job>> Jobs() const;
  // For users.  False if there is no such job, or it is running.
  Result<bool> RequeueJob(std::int64_t id) { return runner_->queue().Requeue(id, clock_.Now()); }
  Result<bool> CancelJob(std::int64_t id) { return runner_->queue().Cancel(id); }
  // What all processes on this directory do to each host that any of them has asked.
  std::map<std::string, HostUse> Hosts() const;
  // The processes that run jobs on this directory.
  std::vector<ProcessMark::Living> Processes() const;
  Result<std::vector<EvictionRecord>> Evictions(const std::string& key, int count_max) const {
    return catalog_.Evictions(key, count_max);
  }
  std::vector<ActiveTransfer> ActiveTransfers() const REPOSFS_EXCLUDES(mutex_);
  // What is wrong now; what is over is not there any more.
  std::vector<Problem> Problems() const REPOSFS_EXCLUDES(mutex_);
  // When the next check of the upstream is due without anybody asking, and why then.
  CheckSchedule NextCheck(const Repository& repository) const;

 private:
  class TransferWatch;

  RepositoryCache(RepositoryCacheOptions options, const Origin& origin, Transport& transport,
                  const Clock& clock, UniqueFd directory_lock, ProcessMark mark, Catalog catalog,
                  std::unique_ptr<InsightsStore> insights);

  Status Start();
  // In the background.
  void PrepareHosts();
  Status Load();
  Status Reconcile();
  // Which directories under repos/ jobs still need, whatever the catalog says.  What else lies in
  // tmp/ is removed.
  Result<std::set<std::string>> ReconcileStagings();
  // Gives back the jobs of processes that are no more.
  Status ReleaseDead();
  // Brings what is in a sealed staging of `job` into the repository, and removes the staging.
  // Returns whether there was something to bring, and where.
  bool AdoptSealed(const Job& job, const std::filesystem::path& staging);
  // Returns when the other processes have taken over what this one has done to it.
  void TellOthers(const Repository& repository);
  // Takes over what other processes have done.
  void Sync() REPOSFS_EXCLUDES(syncing_, mutex_);
  void Apply(const RepositoryRecord& record) REPOSFS_EXCLUDES(mutex_);
  void NoteEvicted(const RepositoryPtr& repository) REPOSFS_EXCLUDES(mutex_);
  RepositoryPtr Add(const RepositoryKey& key, const RepositoryRecord& record)
      REPOSFS_EXCLUDES(mutex_);
  RepositoryPtr FindById(std::int64_t id) const REPOSFS_EXCLUDES(mutex_);
  bool EvictsItself() const;
  std::vector<RepositoryPtr> EvictionCandidates();
  // Removes it, or has the process remove it that does.
  Status MakeRoomBy(const RepositoryPtr& repository, const std::string& reason,
                    const std::string& for_key);
  // The directory of a repository is not there any more: the catalog and `record` agree with that.
  Status NoteVanished(RepositoryRecord& record);
  std::filesystem::path StagingOf(const Job& job) const;
  std::filesystem::path TrashPath(std::int64_t id);
  void Tick();
  // What only the daemon does: the schedule of checks, and the quota.
  void LookAfter(const std::vector<RepositoryPtr>& repositories);
  void KeepQuota();
  std::optional<Problem> ProblemOfDisk() const REPOSFS_EXCLUDES(mutex_);
  // Whether the quota can be kept.
  void NoteRoom(const Status& kept) REPOSFS_EXCLUDES(mutex_);
  void WakeTicker() REPOSFS_EXCLUDES(mutex_);
  std::map<std::string, int> QueuedByHost() const REPOSFS_EXCLUDES(mutex_);
  void PollUntil(std::chrono::steady_clock::time_point end) REPOSFS_EXCLUDES(mutex_);
  // Those that this tick looks after: a few of many, in turns.
  std::vector<RepositoryPtr> NextToVisit() REPOSFS_EXCLUDES(mutex_);

  // Pinning.
  bool IsPinned(const RepositoryRecord& record) const;
  void RereadPins();
  // Has those fetched that are pinned by name: of `visited`, and of the lists.
  void KeepPinned(const std::vector<RepositoryPtr>& visited);
  bool PinnedIsHere(const RepositoryKey& key) const;
  Outcome<Done> BringPinned(const RepositoryKey& key);

  // Under this name it is remembered what the host said of the repository.
  static std::string CheckName(const RepositoryKey& key) { return "check:" + key.Text(); }

  // Resolving.
  // How old the refs may be that a peer remembers.
  milliseconds PeerMemoryMax() const;
  static constexpr int kCheckPriority = 100;
  FlightPtr Check(const RepositoryKey& key, int priority = kCheckPriority);
  Status CheckNow(const RepositoryKey& key);
  RefSnapshotPtr RefsOf(Repository& repository);
  Outcome<Target> ResolveIn(const RepositoryPtr& repository, const RefSnapshot& refs,
                            const std::string& spelling);
  Outcome<Target> ResolveCommit(const RepositoryPtr& repository, const RefSnapshot& refs,
                                const std::string& hex);
  Outcome<Target> ResolveUnknown(const RepositoryPtr& repository, const std::string& spelling);
  FlightPtr RefreshIfDue(const RepositoryPtr& repository);

  // Bringing.
  // For the transfer of `tip`, which brings `want` and the commit that it leads to: that and its
  // root tree can be read when they come.
  ObjectListener ShowRootOf(const RepositoryPtr& repository, const Oid& want, const Oid& commit,
                            const FlightPtr& tip);
  // Fetches what `choose` names, on a thread that may wait, ahead of all that runs in the
  // background.
  using ChooseBlobs = std::function<Result<std::vector<Oid>>()>;
  Outcome<Done> FetchNow(const Target& target, const std::string& name, ChooseBlobs choose);
  void RunFetchNow(const Target& target, const std::string& name, const FlightPtr& flight,
                   const ChooseBlobs& choose);
  Outcome<Done> FetchDirectory(const Target& target, const Oid& tree);
  // Under this name it is remembered that the repository is larger than the quota allows.
  static std::string NoSpaceName(const Repository& repository);
  // Under this name it is remembered that the upstream gives no single objects.
  static std::string RefusedName(const Repository& repository);
  // What follows when the tip of `commit` is here.
  void ContinueAfterTip(const RepositoryPtr& repository, const Oid& commit);
  FlightPtr SubmitContent(const Target& target, int priority);
  // What to do when reading failed for the reason `why`: `tree` names the directory of a blob, or
  // is null if a commit or tree was read.
  // `generation` is the repository's from before that.
  Outcome<Done> Bring(const Target& target, std::uint64_t generation, const Error& why,
                      const Oid& tree);
  Outcome<Done> Heal(const RepositoryPtr& repository, const Error& why);
  // Evicts as soon as the transfers under way let go; gives up after `fetch.requestTimeout`.
  Status EvictWhenIdle(const RepositoryPtr& repository, const std::string& reason,
                       const std::string& for_key);
  bool LooksLikeScan(const Target& target) REPOSFS_EXCLUDES(mutex_);
  // Null if its entries or their sizes are not known.
  DirectoryPtr DirectoryIfRead(const Repository& repository, const Oid& tree);

  // Providing (repository_cache_provide.cc).
  Outcome<Done> ProvideCommits(const RepositoryPtr& repository, const FetchArguments& asked,
                               Stage stage);
  Outcome<Done> ProvideObjects(const RepositoryPtr& repository, const std::vector<Oid>& wants);
  Outcome<Done> ProvideHistory(const RepositoryPtr& repository, const std::vector<Oid>& wants);

  // Jobs.
  Status Execute(const Job& job, const RepositoryPtr& repository, const FlightPtr& flight);
  Status ExecuteClone(const RepositoryPtr& repository, const std::string& want,
                      const FlightPtr& flight, const TransferControl& control);
  Status ExecuteHydrate(const RepositoryPtr& repository, const std::string& commit,
                        const TransferControl& control);
  Status ExecuteHistory(const RepositoryPtr& repository, const TransferControl& control);
  // A peer's word on the refs may be `age_max` old.
  Status ExecuteFetch(const RepositoryPtr& repository, milliseconds age_max,
                      const TransferControl& control);
  // Asks a peer or the host, and the host where the peer's word does not do.  If nobody can tell
  // what is new, the repository shows what it did.
  Status CheckRefs(const RepositoryPtr& repository, milliseconds age_max,
                   const TransferControl& control);
  // Makes the repository show what the host says now, if it shows nothing newer.
  Status UpdateFromHost(const RepositoryPtr& repository, const TransferControl& control);
  // What is known is shown although it is old, for the reason `error`.
  void NoteHostAway(const RepositoryPtr& repository, const Error& error) REPOSFS_EXCLUDES(mutex_);
  // For a while nobody checks the repository unless a user asks for it.
  void HoldChecksBack(const Repository& repository) REPOSFS_EXCLUDES(mutex_);
  bool AreChecksHeldBack(const Repository& repository) const REPOSFS_EXCLUDES(mutex_);
  Status ExecuteMaintain(const RepositoryPtr& repository, const TransferControl& control);
  Status ExecuteReset();
  Status ExecuteClean();
  Status Maintain(const RepositoryPtr& repository, const TransferControl& control);
  void AfterFailure(const Job& job, const RepositoryPtr& repository, const Error& error);
  void RecordError(const RepositoryPtr& repository, const Error& error);
  // If the host asks to be left alone, every process does so.
  void HoldBackIfAsked(const std::string& host, const Error& error);
  void SyncHeldHosts();
  // Nothing, unless the host asks to be left alone.
  std::optional<Error> HeldBack(const std::string& host) const;
  Status ExecuteInsights(const RepositoryPtr& repository, const std::string& commit,
                         const TransferControl& control);
  void SubmitInsights(const RepositoryPtr& repository, const Oid& commit);
  // Forgets what was known of a repository that is not on the disk any more.
  void ForgetInsights(std::int64_t id);
  milliseconds TtlOf(const Status& status) const;

  // Asks `step` again whenever what it waits for has landed, until it does not wait: then `landed`
  // lands.
  using Step = std::function<Outcome<Done>()>;
  // What is stale is asked for again so often at most: a host may tell other refs each time.
  static constexpr int kStaleCountMax = 5;
  static void Pursue(const Step& step, const FlightPtr& landed,
                     int stale_count_left = kStaleCountMax);
  // What is to be warmed.
  struct Warming {
    RepositoryKey key;
    Stage stage;
    std::optional<WallTime> opened_at;  // Not set: now, by who asks for it.
  };
  void EndCopy(const RepositoryKey& key, const Status& copied) REPOSFS_EXCLUDES(mutex_);
  FlightPtr StartWarming(const Warming& warming, Failures failures);
  Outcome<Done> WarmOnce(const Warming& warming);

  const RepositoryCacheOptions options_;
  const Origin& origin_;
  Transport& transport_;
  const Clock& clock_;
  const std::chrono::steady_clock::time_point begun_at_ = std::chrono::steady_clock::now();
  const UniqueFd directory_lock_;
  const ProcessMark mark_;
  PinList pins_;

  Catalog catalog_;
  HostLedger ledger_;
  const std::unique_ptr<InsightsStore> insights_;
  Fetcher fetcher_;
  FlightTable flights_;
  EarlyRoots early_roots_;
  DirectoryCache directories_;
  BlobCache blobs_;
  ReadAhead ahead_{blobs_};
  HostScheduler scheduler_;
  std::unique_ptr<RoomKeeper> room_;
  std::unique_ptr<JobRunner> runner_;
  PinKeeper pin_keeper_;
  const std::shared_ptr<BytesOnDisk> stored_bytes_ = std::make_shared<BytesOnDisk>(0);
  ThreadPool sweeper_{"sweeper", 1};           // Deletes what is in trash/.
  ThreadPool healer_{"healer", 1};             // Waits until what is damaged may be evicted.
  ThreadPool preparer_{"prepare", 1};          // Asks once for what first accesses need.
  ThreadPool trimmer_{"trim", 1};              // Waits for who evicts.
  std::atomic<bool> trimming_{false};          // Has a task.
  std::atomic<std::uint64_t> trash_bytes_{0};  // Evicted, not yet deleted.
  std::atomic<int> refused_count_{0};          // Too large, not yet evicted: counted, relaxed.
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> listing_version_{1};
  int tick_count_ = 0;        // The ticker's own.
  std::size_t next_pin_ = 0;  // The ticker's own: an index in what is pinned by name.
  bool others_live_ = false;  // The ticker's own: workers, whose news readers here want soon.
  std::atomic<std::uint64_t> next_scratch_{0};

  Mutex syncing_;  // Before mutex_; held while the catalog is asked what others have done.
  std::int64_t others_version_ REPOSFS_GUARDED_BY(syncing_) = -1;
  std::int64_t synced_revision_ REPOSFS_GUARDED_BY(syncing_) = 0;

  mutable Mutex mutex_;  // Before Repository's; no I/O while it is held.
  CondVar wake_;         // The ticker.
  std::map<RepositoryKey, RepositoryPtr> by_key_ REPOSFS_GUARDED_BY(mutex_);
  std::unordered_map<std::int64_t, RepositoryPtr> by_id_ REPOSFS_GUARDED_BY(mutex_);
  std::vector<RepositoryPtr> in_order_ REPOSFS_GUARDED_BY(mutex_);
  std::size_t next_to_visit_ REPOSFS_GUARDED_BY(mutex_) = 0;  // An index in it.
  std::map<std::uint64_t, ActiveTransfer> active_ REPOSFS_GUARDED_BY(mutex_);
  // How many directories of a commit were fetched on their own.
  std::unordered_map<Oid, int, OidHash> directory_fetch_counts_ REPOSFS_GUARDED_BY(mutex_);
  std::set<RepositoryKey> copied_whole_ REPOSFS_GUARDED_BY(mutex_);  // By Copy(), now.
  std::unordered_map<std::int64_t, WallTime> healed_at_ REPOSFS_GUARDED_BY(mutex_);
  std::unordered_map<std::int64_t, WallTime> next_check_ REPOSFS_GUARDED_BY(mutex_);

  // Why the cache is over its quota, and since when.
  struct NoRoom {
    Error why;
    WallTime since;
  };
  std::optional<NoRoom> no_room_ REPOSFS_GUARDED_BY(mutex_);

  std::function<void(const Repository&)> on_evicted_ REPOSFS_GUARDED_BY(mutex_);

  std::thread ticker_;
};

}  // namespace reposfs
