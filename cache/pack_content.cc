#include "cache/pack_content.h"

#include <utility>

namespace reposfs {
namespace {

constexpr std::chrono::milliseconds kAskInterval(50);

struct LargeObjects {
  Mutex mutex;  // A leaf lock.
  CondVar ended;
  bool taken REPOSFS_GUARDED_BY(mutex) = false;
};

LargeObjects& TheLargeObjects() {
  static LargeObjects large_objects;
  return large_objects;
}

}  // namespace

ContentPtr PackContentCache::Get(std::uint32_t entry) {
  MutexLock lock(mutex_);
  const auto found = by_entry_.find(entry);
  if (found == by_entry_.end()) return nullptr;
  recent_first_.splice(recent_first_.begin(), recent_first_, found->second);
  return found->second->content;
}

void PackContentCache::Put(std::uint32_t entry, ContentPtr content) {
  const std::size_t size_bytes = content->size();
  if (size_bytes > capacity_bytes_ / 4) return;
  std::list<Item> dropped;  // Freed without the lock.
  MutexLock lock(mutex_);
  if (by_entry_.contains(entry)) return;
  size_bytes_ += size_bytes;
  recent_first_.push_front(Item{entry, std::move(content)});
  by_entry_.emplace(entry, recent_first_.begin());
  while (size_bytes_ > capacity_bytes_) {
    const auto last = std::prev(recent_first_.end());
    size_bytes_ -= last->content->size();
    by_entry_.erase(last->entry);
    dropped.splice(dropped.begin(), recent_first_, last);
  }
}

Status LargeObjectTurn::Need(std::uint64_t size_bytes) {
  if (ours_ || size_bytes <= kFreeBytes) return {};
  LargeObjects& large_objects = TheLargeObjects();
  while (true) {
    if (auto status = may_wait_(); !status) return status;
    MutexLock lock(large_objects.mutex);
    if (large_objects.taken) large_objects.ended.WaitFor(large_objects.mutex, kAskInterval);
    if (large_objects.taken) continue;
    large_objects.taken = true;
    ours_ = true;
    return {};
  }
}

void LargeObjectTurn::End() {
  if (!ours_) return;
  LargeObjects& large_objects = TheLargeObjects();
  {
    MutexLock lock(large_objects.mutex);
    large_objects.taken = false;
  }
  large_objects.ended.NotifyOne();
  ours_ = false;
}

}  // namespace reposfs
