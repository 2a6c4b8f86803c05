#include "cache/server_memory.h"

#include "cache/origin.h"

namespace reposfs {
namespace {

// Whether a server for which `known` holds may say `said` without being an exception.
bool Agree(const WireCapabilities& known, const WireCapabilities& said) {
  if (!known.guessed) return known == said;
  return known.version2 == said.version2 && known.shallow == said.shallow &&
         known.filter == said.filter;
}

}  // namespace

std::optional<WireCapabilities> ServerMemory::Find(const std::string& url) {
  MutexLock lock(mutex_);
  for (const std::string_view place : {std::string_view(url), OriginOf(url)}) {
    if (const Entry* entry = FindLocked(place)) return entry->capabilities;
  }
  return std::nullopt;
}

bool ServerMemory::Remember(const std::string& url, const WireCapabilities& capabilities) {
  const Entry entry{capabilities, SteadyClock::now() + kRememberedFor};
  MutexLock lock(mutex_);
  if (entries_.size() >= kEntryCountMax) entries_.clear();
  const std::string origin(OriginOf(url));
  const Entry* known = FindLocked(origin);
  const bool is_first = known == nullptr;
  if (!is_first && capabilities.guessed) return false;
  const bool differs = !is_first && !Agree(known->capabilities, capabilities);
  if (!differs) entries_.erase(url);
  entries_[differs ? url : origin] = entry;
  return is_first;
}

const ServerMemory::Entry* ServerMemory::FindLocked(std::string_view place) {
  const auto found = entries_.find(place);
  if (found == entries_.end()) return nullptr;
  if (SteadyClock::now() < found->second.forget_at) return &found->second;
  entries_.erase(found);
  return nullptr;
}

}  // namespace reposfs
