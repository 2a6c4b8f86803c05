#include "cache/pin_keeper.h"

#include <functional>
#include <utility>

#include "cache/job_queue.h"
#include "cache/job_runner.h"

namespace reposfs {
namespace {

// What will not pass soon is tried again after a minute at first, not after two seconds.
constexpr int kHeadStart = 5;

}  // namespace

PinKeeper::PinKeeper(const Clock& clock, Callbacks callbacks)
    : clock_(clock), callbacks_(std::move(callbacks)) {}

bool PinKeeper::Begin(const std::string& key) {
  MutexLock lock(state_->mutex);
  const auto found = state_->entries.find(key);
  const bool waits = found != state_->entries.end() &&
                     (found->second.under_way || found->second.next_try > clock_.Now());
  if (waits || state_->under_way_count >= kUnderWayMax) return false;
  state_->entries[key].under_way = true;
  ++state_->under_way_count;
  return true;
}

void PinKeeper::End(State& state, const std::string& key, const Status& status, WallTime now) {
  MutexLock lock(state.mutex);
  --state.under_way_count;
  const auto found = state.entries.find(key);
  if (found == state.entries.end()) return;
  if (status) {
    state.entries.erase(found);
    return;
  }
  Entry& entry = found->second;
  entry.under_way = false;
  entry.error = status.error();
  entry.failed_at = now;
  const int attempts = ++entry.failure_count + (MayPass(status.error().code) ? 0 : kHeadStart);
  const auto wait =
      std::max(BackOff(attempts, std::hash<std::string>()(key)), status.error().retry_after);
  entry.next_try = now + wait;
}

void PinKeeper::Consider(const RepositoryKey& key) {
  const std::string text = key.Text();
  if (callbacks_.is_here(key)) {
    // Somebody else has brought it.
    MutexLock lock(state_->mutex);
    const auto found = state_->entries.find(text);
    const bool waits = found != state_->entries.end() && !found->second.under_way;
    if (waits) state_->entries.erase(found);
    return;
  }
  if (!Begin(text)) return;
  callbacks_.fetch(key)->Then([state = state_, &clock = clock_, text](const Status& status) {
    End(*state, text, status, clock.Now());
  });
}

void PinKeeper::Forget() {
  MutexLock lock(state_->mutex);
  std::erase_if(state_->entries, [](const auto& entry) { return !entry.second.under_way; });
}

std::vector<PinKeeper::Trouble> PinKeeper::Troubles(std::size_t count_max) const {
  MutexLock lock(state_->mutex);
  std::vector<Trouble> troubles;
  for (const auto& [key, entry] : state_->entries) {
    if (troubles.size() >= count_max) break;
    if (entry.failure_count == 0) continue;
    troubles.push_back(Trouble{key, entry.error, entry.failed_at, entry.next_try});
  }
  return troubles;
}

}  // namespace reposfs
