#include "cache/early_roots.h"

namespace reposfs {

FlightPtr EarlyRoots::Await(const Key& key, const FlightPtr& tip) {
  FlightPtr flight;
  {
    MutexLock lock(mutex_);
    Entry& entry = entries_[key];
    if (entry.flight) return entry.flight;
    flight = std::make_shared<Flight>(tip);
    entry.flight = flight;
  }
  tip->Then([this, key, flight](const Status& status) {
    Forget(key, flight);
    flight->Land(status);
  });
  return flight;
}

void EarlyRoots::Found(const Key& key, const Commit& commit, const FlightPtr& tip) {
  // Whoever has asked for the tip may be about to wait.
  const FlightPtr flight = Await(key, tip);
  {
    MutexLock lock(mutex_);
    const auto entry = entries_.find(key);
    if (entry != entries_.end()) entry->second.commit = commit;
  }
  flight->Land({});
}

std::optional<Commit> EarlyRoots::Find(const Key& key) const {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(key);
  return entry == entries_.end() ? std::nullopt : entry->second.commit;
}

void EarlyRoots::Forget(const Key& key, const FlightPtr& flight) {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(key);
  const bool is_mine = entry != entries_.end() && entry->second.flight == flight;
  if (is_mine) entries_.erase(entry);
}

}  // namespace reposfs
