#include "cache/host_scheduler.h"

#include <algorithm>
#include <utility>

namespace reposfs {

HostScheduler::HostScheduler(const Origin& origin, int concurrency)
    : origin_(origin),
      concurrency_(std::max(concurrency, 1)),
      pool_("transfer", static_cast<std::size_t>(concurrency_) + origin.Hosts().size()) {}

HostScheduler::~HostScheduler() {
  Stop();
}

void HostScheduler::Stop() {
  pool_.Stop();
}

HostScheduler::Host& HostScheduler::HostOfLocked(const std::string& name) {
  const auto found = hosts_.find(name);
  if (found != hosts_.end()) return found->second;
  const HostOptions options = origin_.HostOf(name).value_or(HostOptions{});
  Host host;
  host.running_max = std::max(options.max_concurrent_fetches, 1);
  host.starts_per_minute_max = options.requests_per_minute;
  return hosts_.emplace(name, std::move(host)).first->second;
}

void HostScheduler::Submit(const std::string& name, int priority, std::function<void()> task) {
  MutexLock lock(mutex_);
  Host& host = HostOfLocked(name);
  host.queue.emplace(priority, Task{next_sequence_++, std::move(task), priority});
  StartLocked(name, host);
}

void HostScheduler::Tick() {
  MutexLock lock(mutex_);
  for (auto& [name, host] : hosts_) StartLocked(name, host);
}

bool HostScheduler::MayStartLocked(Host& host, const Task& task, SteadyTime now) {
  if (now < host.held_until) return false;
  if (host.running >= host.running_max) return false;
  if (host.running > 0 && running_ >= concurrency_) return false;
  const int bulk_max = host.running_max - host.running_max / 4;
  if (task.priority < kInteractivePriority && host.running >= bulk_max) return false;
  if (!task.foreground() && host.running_background >= (host.running_max + 1) / 2) return false;
  if (host.starts_per_minute_max == 0) return true;
  while (!host.starts.empty() && now - host.starts.front() > std::chrono::minutes(1)) {
    host.starts.pop_front();
  }
  return host.starts.size() < static_cast<std::size_t>(host.starts_per_minute_max);
}

void HostScheduler::StartLocked(const std::string& name, Host& host) {
  const auto now = std::chrono::steady_clock::now();
  // The queue is in the order of priority: behind one that may not start, none may.
  while (!host.queue.empty() && MayStartLocked(host, host.queue.begin()->second, now)) {
    Task task = std::move(host.queue.begin()->second);
    host.queue.erase(host.queue.begin());
    ++host.running;
    ++running_;
    if (!task.foreground()) ++host.running_background;
    if (host.starts_per_minute_max != 0) host.starts.push_back(now);
    pool_.Submit([this, name, foreground = task.foreground(), run = std::move(task.run)] {
      run();
      Finished(name, foreground);
    });
  }
}

void HostScheduler::Finished(const std::string& name, bool foreground) {
  MutexLock lock(mutex_);
  Host& host = HostOfLocked(name);
  --host.running;
  --running_;
  if (!foreground) --host.running_background;
  StartLocked(name, host);
  // The place may have been the last of all.
  if (running_ == concurrency_ - 1) {
    for (auto& [other_name, other] : hosts_) StartLocked(other_name, other);
  }
}

void HostScheduler::HoldBack(const std::string& name, std::chrono::milliseconds time,
                             const std::string& cause) {
  MutexLock lock(mutex_);
  Host& host = HostOfLocked(name);
  const SteadyTime until = std::chrono::steady_clock::now() + time;
  if (until <= host.held_until) return;
  host.held_until = until;
  host.held_cause = cause;
}

HostScheduler::HostState HostScheduler::StateLocked(const Host& host) {
  const auto now = std::chrono::steady_clock::now();
  HostState state;
  state.running_count = host.running;
  state.queued_count = static_cast<int>(host.queue.size());
  state.starts_per_minute_max = host.starts_per_minute_max;
  state.starts_last_minute = static_cast<int>(
      std::count_if(host.starts.begin(), host.starts.end(),
                    [now](SteadyTime start) { return now - start <= std::chrono::minutes(1); }));
  if (now < host.held_until) {
    state.held_for = std::chrono::ceil<std::chrono::milliseconds>(host.held_until - now);
    state.held_cause = host.held_cause;
  }
  return state;
}

HostScheduler::HostState HostScheduler::StateOf(const std::string& name) const {
  MutexLock lock(mutex_);
  const auto found = hosts_.find(name);
  return found != hosts_.end() ? StateLocked(found->second) : HostState{};
}

std::map<std::string, HostScheduler::HostState> HostScheduler::States() const {
  MutexLock lock(mutex_);
  std::map<std::string, HostState> states;
  for (const auto& [name, host] : hosts_) states[name] = StateLocked(host);
  return states;
}

}  // namespace reposfs
