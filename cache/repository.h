// One repository that the catalog knows, in memory.
//
// There is one object for each, for the life of the process, also while nothing of it is on disk:
// whoever holds it can always bring the repository back.  There may be ten thousand; one that
// nobody uses takes 1.9 kB of memory, and 8 us of the start of a mount.
//
// Thread-safety: every method may be called from any thread.  The setters are called by the one job
// that works on the repository; readers see each change whole.
//
// Invariants:
//   (1) refs() names only commits that are here, or can be fetched from the upstream.
//   (2) A root at kContent stays readable until Forget().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "cache/catalog.h"
#include "cache/object_store.h"
#include "cache/options.h"
#include "cache/refs.h"
#include "cache/repository_key.h"
#include "cache/repository_lock.h"
#include "cache/store_directory.h"

namespace reposfs {

// What all repositories of a cache have on the disk together.
using BytesOnDisk = std::atomic<std::uint64_t>;

class Repository {
 public:
  // `total` follows what is on the disk.
  Repository(RepositoryKey key, RepositoryRecord record, const std::filesystem::path& directory,
             std::shared_ptr<BytesOnDisk> total);
  Repository(const Repository&) = delete;
  Repository& operator=(const Repository&) = delete;

  const RepositoryKey& key() const { return key_; }
  std::int64_t id() const { return id_; }
  const StoreDirectory& directory() const { return directory_; }
  const ObjectStore& objects() const { return objects_; }
  ObjectStore& objects() { return objects_; }

  RepositoryRecord record() const REPOSFS_EXCLUDES(mutex_);
  // Takes over what the catalog says, unless something newer is known.  How often it was opened is
  // known best here.
  void SetRecord(const RepositoryRecord& record) REPOSFS_EXCLUDES(mutex_);
  Stage stage() const REPOSFS_EXCLUDES(mutex_);
  std::int64_t revision() const REPOSFS_EXCLUDES(mutex_);
  std::uint64_t size_bytes() const REPOSFS_EXCLUDES(mutex_);

  // Null if the upstream has not been asked yet.
  RefSnapshotPtr refs() const REPOSFS_EXCLUDES(mutex_);
  void SetRefs(RefSnapshotPtr refs) REPOSFS_EXCLUDES(mutex_);

  // How much of `commit` is here.
  Stage StageOf(const Oid& commit) const REPOSFS_EXCLUDES(mutex_);
  void SetRoot(const RootRecord& root) REPOSFS_EXCLUDES(mutex_);
  std::vector<RootRecord> roots() const REPOSFS_EXCLUDES(mutex_);

  // Runs `change`, which writes to directory(), while nobody else does, here or in another process.
  // REQUIRES: a Use.  Errors: those of `change`; kTimedOut.
  template <typename Change>
  Status ChangeDirectory(Change change) {
    MutexLock lock(changing_);
    if (auto locked = lock_.LockContent(LockFile()); !locked) {
      return locked.error().Within(key_.Text());
    }
    Status changed = change();
    lock_.UnlockContent();
    return changed;
  }

  // Runs `change`, which sets the refs and what the catalog says of them, while nobody else in this
  // process does.  Errors: those of `change`.
  template <typename Change>
  Status ChangeRefs(Change change) {
    MutexLock lock(showing_);
    return change();
  }

  // Everything on disk has gone.
  void Forget() REPOSFS_EXCLUDES(mutex_);

  // How long readers may believe what they were told of the packs of a complete repository.  That
  // is over kNewsWait after ContentChanged(): only then refs that lead to new packs are set, and
  // packs removed that others replace.
  static constexpr milliseconds kPacksBelieved{5};
  static constexpr milliseconds kNewsWait{50};  // The kernel counts in jiffies, of 10 ms at most.

  // Counts up whenever what is on disk has changed; what `.git` shows is made anew then.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  // New packs are there: makes them visible.
  void ContentChanged();
  // The same; returns when nobody believes what was there before.
  void ContentChangedForAll();

  // Somebody walked through.  Cheap; written to the catalog in batches.
  void Touch(WallTime now, milliseconds granularity);
  // The catalog says when it was opened last.
  void NoteOpened(WallTime time);
  // Somebody has been asked about the refs, whatever the age of what he knows.
  void NoteAsked(WallTime now) {
    last_asked_ms_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  WallTime last_asked() const {
    return WallTime(WallTime::duration(last_asked_ms_.load(std::memory_order_relaxed)));
  }
  // What has been touched since the last call, if anything.
  std::optional<OpenedRecord> TakeOpened();
  WallTime last_opened() const;

  bool busy() const { return use_count_.load(std::memory_order_relaxed) != 0; }

  // Between the two nobody uses the repository: Use() waits.  False if it is in use now, here or in
  // another process.
  bool BeginEviction();
  void EndEviction();
  // Lets other processes evict it if nobody here uses it now.
  void ShareNoMore();

  // Keeps the repository from being evicted while it lives.
  class Use {
   public:
    // Waits for an eviction under way, which takes a transaction and a rename.
    explicit Use(std::shared_ptr<Repository> repository);
    Use(Use&& other) noexcept = default;
    Use& operator=(Use&&) = delete;
    ~Use();

   private:
    std::shared_ptr<Repository> repository_;
  };

 private:
  std::filesystem::path LockFile() const;

  const RepositoryKey key_;
  const std::int64_t id_;
  const StoreDirectory directory_;
  const std::shared_ptr<BytesOnDisk> total_;  // A sum that orders nothing else, so relaxed.

  ObjectStore objects_;
  // Counters and times that order nothing else, so relaxed suffices for all but generation_.
  std::atomic<std::uint64_t> generation_{1};
  std::atomic<int> use_count_{0};  // -1: being evicted.
  std::atomic<std::int64_t> last_opened_ms_;
  std::atomic<std::int64_t> last_asked_ms_{0};
  std::atomic<std::int64_t> more_opens_{0};
  std::atomic<bool> touched_{false};

  RepositoryLock lock_;
  // Whether this process has its share of the lock: set while there is a Use.
  std::atomic<bool> shares_{false};

  Mutex showing_;   // Before changing_, and held during disk I/O, too.
  Mutex changing_;  // Before all but that, and held during disk I/O: a few renames.

  mutable Mutex mutex_;  // Before SQLite's; no I/O while it is held.
  RepositoryRecord record_ REPOSFS_GUARDED_BY(mutex_);
  RefSnapshotPtr refs_ REPOSFS_GUARDED_BY(mutex_);
  std::unordered_map<Oid, Stage, OidHash> roots_ REPOSFS_GUARDED_BY(mutex_);
};

using RepositoryPtr = std::shared_ptr<Repository>;

}  // namespace reposfs
