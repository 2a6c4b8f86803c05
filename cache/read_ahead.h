// Inflates blobs before they are asked for.
//
// Who reads two files of a directory in its order will most likely read the rest, and who has read
// directories whole goes on with the next one that is listed: `tar`, `cp -r`, `grep -r`, a build, a
// container image.  Such a reader waits for one file after another, so that its requests and the
// inflating take turns on one core; read ahead, they overlap.
//
// What is made lies in the BlobCache until its last piece has been read, or until it has grown old.
// Only what is on the disk already is read ahead: this never fetches anything.
//
// Thread-safety: every method may be called from any thread; none blocks on the disk.
//
// Invariants:
//   (1) In one directory at most kAheadBytes and kAheadCount files are ahead of the reader.
//   (2) At most kTaskCountMax pieces of work wait; what comes while they do is not read ahead.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "base/mutex.h"
#include "base/thread_pool.h"
#include "cache/blob_cache.h"
#include "cache/directory_cache.h"
#include "cache/repository.h"

namespace reposfs {

class ReadAhead {
 public:
  static constexpr std::uint64_t kAheadBytes = 4u << 20;
  static constexpr std::size_t kAheadCount = 128;
  static constexpr int kTaskCountMax = 64;

  // `blobs` must outlive this.
  explicit ReadAhead(BlobCache& blobs) : blobs_(blobs) {}

  // One directory of a repository, with the sizes of its files.
  struct Place {
    RepositoryPtr repository;
    Oid tree;
    DirectoryPtr directory;  // REQUIRES: has_sizes().
  };

  // `blob`, an entry of the directory, is being read from its beginning.
  void Reading(const Place& place, const Oid& blob) REPOSFS_EXCLUDES(mutex_);

  // The directory has been listed, which a scan does before it reads.
  void Listed(const Place& place) REPOSFS_EXCLUDES(mutex_);

  // Drops what waits, and ends the threads.
  void Stop() { inflating_.Stop(); }

  // Blobs made ahead so far.
  std::uint64_t blob_count() const { return blob_count_.load(std::memory_order_relaxed); }

 private:
  using Key = std::pair<std::int64_t, Oid>;  // Repository and tree.
  using SteadyTime = std::chrono::steady_clock::time_point;

  // How far somebody has come in one directory.  Indexes are those of the directory's entries.
  struct Progress {
    Key key;
    std::size_t next = 0;       // Behind the file that was read last.
    std::size_t ahead_end = 0;  // Behind the last one that was asked for ahead.
    int run_length = 0;         // Files read in order.
  };
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  Progress& ProgressOfLocked(const Key& key) REPOSFS_REQUIRES(mutex_);
  bool InScanLocked(std::int64_t repository) const REPOSFS_REQUIRES(mutex_);
  // What to make now so that the reader at `progress` finds it made.
  static Range Extend(Progress& progress, const Directory& directory);
  void Submit(const Place& place, Range range);
  void Inflate(const Place& place, Range range) REPOSFS_EXCLUDES(mutex_);
  // Whether the reader has come past the entry meanwhile.
  bool HasPassed(const Key& key, std::size_t index) const REPOSFS_EXCLUDES(mutex_);

  BlobCache& blobs_;
  std::atomic<int> task_count_{0};            // A limit, not exact: relaxed.
  std::atomic<std::uint64_t> blob_count_{0};  // A statistic: relaxed.

  mutable Mutex mutex_;  // A leaf lock.
  std::list<Progress> recent_first_ REPOSFS_GUARDED_BY(mutex_);
  std::map<Key, std::list<Progress>::iterator> by_key_ REPOSFS_GUARDED_BY(mutex_);
  // When a directory of the repository was last read to its end.
  std::map<std::int64_t, SteadyTime> read_whole_at_ REPOSFS_GUARDED_BY(mutex_);

  ThreadPool inflating_{"read-ahead", 2};  // The last member: its tasks use the others.
};

}  // namespace reposfs
