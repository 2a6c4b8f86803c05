// Turns the entries of a pack into objects: hashes and checks them, and applies deltas, in several
// threads, while the pack still arrives.
//
// An entry is submitted once, in batches of neighbours, with its content if that is at hand.  A
// delta whose base is not known yet is hung up at it; whoever resolves the base resolves what hangs
// there next, depth first, so that a base is at hand when its deltas need it.  What a cache has
// lost meanwhile is inflated again, along its chain of bases if need be.  There is no recursion:
// chains may be as long as a pack has entries.
//
// Memory, for each pack: kQueueMaxBytes of contents that wait, kCacheMaxBytes of contents that may
// be needed, for each thread LargeObjectTurn::kFreeBytes; in the whole process, one thread that
// holds a base, a delta and a result of at most kObjectSizeMaxBytes each.
//
// Threads: the caller's, and up to thread_count - 1 of its own ("indexer"), which start as work
// arrives.
//
// Thread-safety: one thread calls.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "cache/pack_content.h"
#include "cache/pack_entry_reader.h"
#include "cache/pack_entry_table.h"
#include "cache/pack_file.h"

namespace reposfs {

class PackResolver {
 public:
  static constexpr std::size_t kQueueMaxBytes = 32u << 20;
  static constexpr std::size_t kCacheMaxBytes = 96u << 20;

  struct Task {
    std::uint32_t entry;
    ContentPtr content;   // What was inflated.  Null: read it from the file.
    bool hashed = false;  // A large object whose id is in the table already.
  };
  using Batch = std::vector<Task>;

  // `entries` and `file` must outlive the resolver.  `keep_going` is called about 20 times a second
  // by calls that take long; a failure ends them.
  PackResolver(PackEntryTable& entries, const PackFile& file, std::size_t thread_count,
               std::function<Status()> keep_going);
  ~PackResolver();  // Ends the work as soon as each thread has finished its object.
  PackResolver(const PackResolver&) = delete;
  PackResolver& operator=(const PackResolver&) = delete;

  // Errors of every call: kCorrupt, kUnsupported for an object that is too large, kIo, and those of
  // `keep_going`; once one has failed, all fail.

  // Takes entries that are in the table, and flushed.  Works itself while too much waits.
  Status Submit(Batch batch) REPOSFS_EXCLUDES(mutex_);

  // Resolves all that was submitted, but for what waits for a base that the pack does not have.
  Status Drain() REPOSFS_EXCLUDES(mutex_);

  struct Waiting {
    Oid base;
    std::uint32_t entry;
  };
  // After a Drain(): resolves what waits for a base by its id, as far as the pack has it; from then
  // on such deltas are resolved as their bases are.
  Status ResolveByIds() REPOSFS_EXCLUDES(mutex_);

  // What waits for a base by its id, in the order of the entries.  REQUIRES: drained.
  std::vector<Waiting> StillWaiting() const REPOSFS_EXCLUDES(mutex_);

  std::uint32_t resolved_count() const REPOSFS_EXCLUDES(mutex_);

 private:
  // What a thread needs for its work.
  struct Bench {
    Bench(PackResolver& resolver, bool of_caller)
        : reader(resolver.entries_, resolver.file_),
          turn([&resolver, this] { return resolver.MayGoOn(*this); }),
          callers(of_caller) {}

    PackEntryReader reader;
    LargeObjectTurn turn;
    std::vector<std::uint32_t> ready;  // Deltas whose base has just been resolved, the last first.
    const bool callers;
    std::chrono::steady_clock::time_point asked{};
  };

  void Serve() REPOSFS_EXCLUDES(mutex_);
  void Run(Bench& bench, const Batch& batch) REPOSFS_EXCLUDES(mutex_);
  Status Handle(Bench& bench, const Task& task) REPOSFS_EXCLUDES(mutex_);
  Status Object(Bench& bench, const Task& task) REPOSFS_EXCLUDES(mutex_);
  Status Delta(Bench& bench, std::uint32_t entry, ContentPtr delta) REPOSFS_EXCLUDES(mutex_);
  Status Resolve(Bench& bench, std::uint32_t entry, ObjectType type, ContentPtr content)
      REPOSFS_EXCLUDES(mutex_);
  Result<ContentPtr> Content(Bench& bench, std::uint32_t entry) REPOSFS_EXCLUDES(mutex_);
  Result<ContentPtr> Apply(Bench& bench, std::string_view base, std::string_view delta);
  Status MayGoOn(Bench& bench);
  void Share(Bench& bench) REPOSFS_EXCLUDES(mutex_);

  bool HangUp(std::uint32_t entry) REPOSFS_EXCLUDES(mutex_);
  void SetResolved(Bench& bench, std::uint32_t entry, ObjectType type, const Oid& id)
      REPOSFS_EXCLUDES(mutex_);
  void ReleaseWaiting(const Oid& base, std::uint32_t entry, std::vector<std::uint32_t>& ready)
      REPOSFS_REQUIRES(mutex_);
  Batch Take() REPOSFS_REQUIRES(mutex_);
  void Fail(Error error) REPOSFS_EXCLUDES(mutex_);

  PackEntryTable& entries_;
  const PackFile& file_;
  const std::size_t thread_count_max_;
  const std::function<Status()> keep_going_;

  PackContentCache cache_{kCacheMaxBytes};
  Bench bench_{*this, true};
  std::vector<std::thread> threads_;
  // Read without the lock: a thread that sees the old value does one object more, or keeps work
  // that it could have shared.
  std::atomic<bool> failed_ = false;
  std::atomic<std::size_t> idle_count_ = 0;

  mutable Mutex mutex_;  // A leaf lock, also of what hangs at entries and of PackEntry::resolved.
  CondVar work_arrived_;
  CondVar work_done_;
  std::deque<Batch> queue_ REPOSFS_GUARDED_BY(mutex_);
  std::size_t queue_bytes_ REPOSFS_GUARDED_BY(mutex_) = 0;
  std::size_t active_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
  bool stopping_ REPOSFS_GUARDED_BY(mutex_) = false;
  Status status_ REPOSFS_GUARDED_BY(mutex_);
  std::uint32_t resolved_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
  // kReferenceDelta entries whose base is not known; sorted by base once `releasing_`.
  std::vector<Waiting> waiting_ REPOSFS_GUARDED_BY(mutex_);
  bool releasing_ REPOSFS_GUARDED_BY(mutex_) = false;
};

}  // namespace reposfs
