#include "cache/base_cache.h"

#include <iterator>
#include <utility>

namespace reposfs {

BaseCache& BaseCache::OfProcess() {
  static BaseCache cache(16u << 20);
  return cache;
}

BaseCache::ObjectPtr BaseCache::Get(const Key& key) {
  MutexLock lock(mutex_);
  used_ = true;
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  recent_first_.splice(recent_first_.begin(), recent_first_, found->second);
  return found->second->object;
}

void BaseCache::Put(const Key& key, ObjectPtr object) {
  if (object->content.size() > capacity_bytes_ / 4) return;
  Slots dropped;  // Destroyed after the lock is released.
  MutexLock lock(mutex_);
  if (by_key_.contains(key)) return;
  size_bytes_ += object->content.size();
  recent_first_.push_front(Slot{key, std::move(object)});
  by_key_.emplace(key, recent_first_.begin());
  while (size_bytes_ > capacity_bytes_) {
    const auto oldest = std::prev(recent_first_.end());
    size_bytes_ -= oldest->object->content.size();
    by_key_.erase(oldest->key);
    dropped.splice(dropped.end(), recent_first_, oldest);
  }
}

void BaseCache::DropUnused() {
  Slots dropped;  // Destroyed after the lock is released.
  MutexLock lock(mutex_);
  if (std::exchange(used_, false)) return;
  by_key_.clear();
  dropped.swap(recent_first_);
  size_bytes_ = 0;
}

}  // namespace reposfs
