// What this machine's cache holds, durably: repositories, the commits of each, the jobs to be done,
// and who was evicted why.
//
// A SQLite database in WAL mode.  It is the truth; start-up makes the disk agree with it.  A
// process that is killed at any moment leaves a catalog that is consistent, and behind the disk by
// at most the work it had not yet reported.
//
// Thread-safety: every method may be called from any thread; writers are serialised by SQLite,
// within this process and between processes.  Every method blocks on the disk.
//
// Errors of every method: kIo, kNoSpace, kCorrupt.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "cache/oid.h"
#include "cache/sqlite_database.h"

namespace reposfs {

// How much of a repository, or of one commit of it, is on the disk.
//
//   kAbsent --clone--> kTip --hydrate--> kContent --history--> kComplete
//      ^______________evict, from any______________________________|
//
// kComplete is a stage of repositories only: every branch and tag with its whole history.
enum class Stage { kAbsent, kTip, kContent, kComplete };

std::string_view StageName(Stage stage);
// Errors: kInvalidArgument.
Result<Stage> ParseStage(std::string_view name);

struct RepositoryRecord {
  std::int64_t id = 0;
  std::string key;  // host/owner/name
  std::string upstream;
  Stage stage = Stage::kAbsent;
  std::uint64_t size_bytes = 0;  // On disk.
  WallTime last_opened{};
  std::int64_t open_count = 0;
  bool pinned = false;
  std::string head;         // Hexadecimal id of the commit that the default branch shows.
  WallTime last_fetched{};  // When its bytes came; decides minResidency.
  WallTime last_checked{};
  WallTime last_changed{};
  std::string error;  // The last failure; empty when it is over.
  std::string error_code;
  WallTime error_at{};
  std::int64_t revision = 0;  // Grows with each change of what stands above, but opens.
};

// The last failure of a repository; an empty message says that it is over.
struct RepositoryFailure {
  std::string message;
  std::string code;
  WallTime at{};
};

// What somebody has found out about a repository.  What is not set stays as it is, so that several
// may report at the same time.
struct RepositoryChange {
  std::optional<Stage> reached;  // Raises the stage, never lowers it.
  std::optional<std::uint64_t> size_bytes;
  std::optional<std::string> head;
  std::optional<WallTime> last_fetched;
  std::optional<WallTime> last_checked;
  std::optional<WallTime> last_changed;
  std::optional<RepositoryFailure> failure;
};

// A host that has asked to be left alone.
struct HeldHost {
  std::string name;
  WallTime until;
  std::string cause;
};

// A commit that was fetched for its own sake, and how much of it is here.
struct RootRecord {
  Oid commit;
  Stage stage = Stage::kTip;
};

struct OpenedRecord {
  std::int64_t id;
  WallTime last_opened;
  std::int64_t more_opens;  // Added to open_count.
};

struct EvictionRecord {
  WallTime at;
  std::string key;
  std::string reason;
  std::uint64_t size_bytes;
  std::string for_key;  // Who needed the room; empty if nobody did.
};

class Catalog {
 public:
  // Opens `path`, creates it, or brings an older one up to date.  Errors: also kUnsupported, if a
  // newer reposfs has written it.
  static Result<Catalog> Open(const std::filesystem::path& path);

  Result<std::vector<RepositoryRecord>> Repositories() const;
  Result<RepositoryRecord> Repository(std::int64_t id) const;
  // Those that have changed after `revision`, in the order of their revisions.
  Result<std::vector<RepositoryRecord>> ChangedAfter(std::int64_t revision) const;
  // Another number whenever another process, or another Catalog, has written anything.
  Result<std::int64_t> OthersVersion() const;

  // Adds a repository at stage kAbsent and returns its id, or the id it already has.
  Result<std::int64_t> AddRepository(std::string_view key, std::string_view upstream);

  // Both return what the catalog says now.
  Result<RepositoryRecord> Change(std::int64_t id, const RepositoryChange& change);
  Result<RepositoryRecord> SetPinned(std::int64_t id, bool pinned);
  Status RecordOpened(const std::vector<OpenedRecord>& opened);

  // Of every repository that has any, by its id.
  Result<std::unordered_map<std::int64_t, std::vector<RootRecord>>> Roots() const;
  // In the order of their commits.
  Result<std::vector<RootRecord>> RootsOf(std::int64_t id) const;
  // Adds a root, or raises its stage.
  Status PutRoot(std::int64_t id, const RootRecord& root);
  // Whether any process runs a job, but `job`, that moves packs into or out of the repository.  If
  // none does, what came is told here.
  Result<bool> IsChangedByOthers(std::int64_t id, std::int64_t job) const;

  // In one transaction: the repository becomes absent, its roots go, and the eviction is recorded.
  Status Evict(std::int64_t id, const EvictionRecord& eviction);
  // The newest first.
  Result<std::vector<EvictionRecord>> Evictions(std::string_view key, int count_max) const;

  // Known to every process.
  Status HoldHost(const HeldHost& host);
  Result<std::vector<HeldHost>> HeldHosts(WallTime now) const;

  // For the job queue, which keeps its table in the same file.
  const SqliteDatabasePtr& database() const { return database_; }

 private:
  explicit Catalog(SqliteDatabasePtr database) : database_(std::move(database)) {}

  SqliteDatabasePtr database_;
};

}  // namespace reposfs
