#include "fs/listing_cache.h"

#include <algorithm>

namespace reposfs {

ListingPtr ListingCache::Get(std::uint64_t ino) {
  MutexLock lock(mutex_);
  for (const auto& [known, listing] : recent_) {
    if (known == ino) return listing;
  }
  return nullptr;
}

void ListingCache::Put(std::uint64_t ino, ListingPtr listing) {
  MutexLock lock(mutex_);
  std::erase_if(recent_, [&](const auto& entry) { return entry.first == ino; });
  recent_.emplace_front(ino, std::move(listing));
  if (recent_.size() > kListingCountMax) recent_.pop_back();
}

void ListingCache::Drop(std::uint64_t ino) {
  MutexLock lock(mutex_);
  std::erase_if(recent_, [&](const auto& entry) { return entry.first == ino; });
}

}  // namespace reposfs
