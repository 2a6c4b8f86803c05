// Inflated objects of a pack while its deltas are resolved, and what bounds the memory they take.
//
// Thread-safety: a PackContentCache may be used from any thread; a LargeObjectTurn belongs to one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"
#include "base/result.h"

namespace reposfs {

// Of an object, or the instructions of a delta.
using ContentPtr = std::shared_ptr<const std::string>;

// The contents used last, by the number of their entry.  Anything can be inflated again, so nothing
// depends on what is in it.
//
// Invariants: (1) the contents in it have at most `capacity_bytes` together.
class PackContentCache {
 public:
  explicit PackContentCache(std::size_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  // Null if it is not there.
  ContentPtr Get(std::uint32_t entry) REPOSFS_EXCLUDES(mutex_);
  // What is larger than a quarter of the cache is not kept.
  void Put(std::uint32_t entry, ContentPtr content) REPOSFS_EXCLUDES(mutex_);

 private:
  struct Item {
    std::uint32_t entry;
    ContentPtr content;
  };

  const std::size_t capacity_bytes_;

  Mutex mutex_;  // A leaf lock.
  std::list<Item> recent_first_ REPOSFS_GUARDED_BY(mutex_);
  std::unordered_map<std::uint32_t, std::list<Item>::iterator> by_entry_ REPOSFS_GUARDED_BY(mutex_);
  std::size_t size_bytes_ REPOSFS_GUARDED_BY(mutex_) = 0;
};

// The right to hold large objects in memory, which one thread of the process has at a time: a few
// hundred bytes can ask for gigabytes, and many transfers run at once.
class LargeObjectTurn {
 public:
  // What needs less in all takes no turn.
  static constexpr std::uint64_t kFreeBytes = 16u << 20;

  // `may_wait` is called about 20 times a second while Need() waits; a failure ends it.
  explicit LargeObjectTurn(std::function<Status()> may_wait) : may_wait_(std::move(may_wait)) {}
  ~LargeObjectTurn() { End(); }
  LargeObjectTurn(const LargeObjectTurn&) = delete;
  LargeObjectTurn& operator=(const LargeObjectTurn&) = delete;

  // Waits until this thread may hold `size_bytes`; until End(), further calls do not wait.
  // Errors: those of `may_wait`.
  Status Need(std::uint64_t size_bytes);
  void End();

 private:
  const std::function<Status()> may_wait_;
  bool ours_ = false;
};

}  // namespace reposfs
