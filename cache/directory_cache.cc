#include "cache/directory_cache.h"

#include <algorithm>

namespace reposfs {

const TreeEntry* Directory::Find(std::string_view name) const {
  const auto found = std::lower_bound(
      entries.begin(), entries.end(), name,
      [](const TreeEntry& entry, std::string_view wanted) { return entry.name < wanted; });
  return found != entries.end() && found->name == name ? &*found : nullptr;
}

DirectoryPtr DirectoryCache::Get(const Key& key) {
  MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  recent_first_.splice(recent_first_.begin(), recent_first_, found->second);
  return found->second->directory;
}

void DirectoryCache::Put(const Key& key, DirectoryPtr directory) {
  std::list<Slot> dropped;  // Destroyed after the lock is released.
  MutexLock lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    entry_count_ -= found->second->directory->entries.size() + 1;
    dropped.splice(dropped.end(), recent_first_, found->second);
    by_key_.erase(found);
  }
  entry_count_ += directory->entries.size() + 1;
  recent_first_.push_front(Slot{key, std::move(directory)});
  by_key_[key] = recent_first_.begin();
  while (entry_count_ > entry_count_max_ && recent_first_.size() > 1) {
    const auto last = std::prev(recent_first_.end());
    entry_count_ -= last->directory->entries.size() + 1;
    by_key_.erase(last->key);
    dropped.splice(dropped.end(), recent_first_, last);
  }
}

}  // namespace reposfs
