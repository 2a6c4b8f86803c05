#include "cache/directory_cache.h"

#include <algorithm>

#include "base/freed_memory.h"

namespace reposfs {
namespace {

constexpr std::size_t kEntryBytes = sizeof(TreeEntry) + sizeof(std::uint64_t);

}  // namespace

const TreeEntry* Directory::Find(std::string_view name) const {
  const auto found = std::lower_bound(
      entries.begin(), entries.end(), name,
      [](const TreeEntry& entry, std::string_view wanted) { return entry.name < wanted; });
  return found != entries.end() && found->name == name ? &*found : nullptr;
}

DirectoryCache::Shelf& DirectoryCache::ShelfOf(const Directory& directory) {
  return Weight(directory) > entry_count_max_ / 2 ? large_ : small_;
}

void DirectoryCache::TakeOutLocked(Slots::iterator slot, Slots& dropped) {
  Shelf& shelf = ShelfOf(*slot->directory);
  shelf.entry_count -= Weight(*slot->directory);
  by_key_.erase(slot->key);
  dropped.splice(dropped.end(), shelf.recent_first, slot);
}

DirectoryPtr DirectoryCache::Get(const Key& key) {
  MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const Slots::iterator slot = found->second;
  Slots& recent_first = ShelfOf(*slot->directory).recent_first;
  recent_first.splice(recent_first.begin(), recent_first, slot);
  slot->used = true;
  return slot->directory;
}

void DirectoryCache::Put(const Key& key, DirectoryPtr directory) {
  Slots dropped;  // Destroyed after the lock is released.
  MutexLock lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    TakeOutLocked(found->second, dropped);
  }
  Shelf& shelf = ShelfOf(*directory);
  shelf.entry_count += Weight(*directory);
  shelf.recent_first.push_front(Slot{key, std::move(directory)});
  by_key_[key] = shelf.recent_first.begin();
  const std::size_t count_max =
      &shelf == &large_ ? kLargeFactor * entry_count_max_ : entry_count_max_;
  while (shelf.entry_count > count_max && shelf.recent_first.size() > 1) {
    TakeOutLocked(std::prev(shelf.recent_first.end()), dropped);
  }
}

void DirectoryCache::DropUnused() {
  std::size_t freed_bytes = 0;
  Slots dropped;  // Destroyed after the lock is released.
  {
    MutexLock lock(mutex_);
    for (Shelf* shelf : {&small_, &large_}) {
      while (!shelf->recent_first.empty() && !shelf->recent_first.back().used) {
        freed_bytes += Weight(*shelf->recent_first.back().directory) * kEntryBytes;
        TakeOutLocked(std::prev(shelf->recent_first.end()), dropped);
      }
      for (Slot& slot : shelf->recent_first) slot.used = false;
    }
  }
  dropped.clear();
  FreedMemory::OfProcess().NoteFreed(freed_bytes);
}

}  // namespace reposfs
