#include "cache/host_scheduler.h"

#include <algorithm>
#include <utility>

namespace reposfs {

HostScheduler::HostScheduler(const Origin& origin, HostLedger& ledger, int concurrency,
                             std::function<void()> wake)
    : origin_(origin),
      ledger_(ledger),
      concurrency_(std::max(concurrency, 1)),
      wake_(std::move(wake)),
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
  host.requests_per_minute_max = options.requests_per_minute;
  return hosts_.emplace(name, std::move(host)).first->second;
}

void HostScheduler::Submit(const std::string& name, int priority, std::function<void()> run) {
  MutexLock lock(mutex_);
  Host& host = HostOfLocked(name);
  Task task{std::move(run), priority, next_sequence_++};
  const auto order = task.Order();
  host.queue.emplace(order, std::move(task));
  // That a less urgent one was refused means nothing for this one.
  if (host.queue.begin()->first == order) host.again_at = {};
  StartLocked(name, host);
}

void HostScheduler::Tick() {
  bool any_running = false;
  {
    MutexLock lock(mutex_);
    for (auto& [name, host] : hosts_) StartLocked(name, host);
    any_running = running_ > 0;
  }
  // There is time for another try.
  if (any_running) static_cast<void>(ledger_.Renew());
}

bool HostScheduler::waits_for_others() const {
  MutexLock lock(mutex_);
  return std::any_of(hosts_.begin(), hosts_.end(), [](const auto& named) {
    return named.second.refused && !named.second.queue.empty();
  });
}

bool HostScheduler::MayAskLocked(const Host& host, const Task& task, SteadyTime now) {
  if (host.asking || now < host.again_at || now < host.held_until) return false;
  if (host.running >= host.running_max) return false;
  if (host.running > 0 && running_ >= concurrency_) return false;
  if (task.priority < kInteractivePriority && host.running >= host.bulk_max()) return false;
  return task.foreground() || host.running_background < host.background_max();
}

HostLedger::Visitor HostScheduler::VisitorLocked(const std::string& name, const Host& host,
                                                 const Task& task) {
  HostLedger::Visitor visitor{};
  visitor.host = name;
  visitor.priority = task.priority;
  visitor.background = !task.foreground();
  visitor.places_max = task.priority < kInteractivePriority ? host.bulk_max() : host.running_max;
  visitor.background_places_max = host.background_max();
  visitor.requests_max = host.requests_per_minute_max;
  // Some are left for those who wait.
  if (visitor.background) visitor.requests_max -= visitor.requests_max / 4;
  visitor.again = host.refused;
  return visitor;
}

void HostScheduler::StartLocked(const std::string& name, Host& host) {
  const auto now = std::chrono::steady_clock::now();
  // The queue is in the order of priority: behind one that may not start, none may.
  if (host.queue.empty() || !MayAskLocked(host, host.queue.begin()->second, now)) return;
  Task task = std::move(host.queue.begin()->second);
  host.queue.erase(host.queue.begin());
  host.asking = true;
  ++host.running;
  ++running_;
  if (!task.foreground()) ++host.running_background;
  pool_.Submit([this, visitor = VisitorLocked(name, host, task), task = std::move(task)] {
    Run(visitor, task);
  });
}

void HostScheduler::Run(const HostLedger::Visitor& visitor, Task task) {
  const auto answer = ledger_.Enter(visitor);
  // A catalog that can't be written must not stop everything: the limits are kept within this
  // process then.
  if (answer && !answer->entered) {
    return PutBack(visitor.host, std::move(task), answer->again_after);
  }
  Entered(visitor.host);
  task.run();
  if (answer) static_cast<void>(ledger_.Leave(visitor.host, answer->place));
  Finished(visitor.host, task.foreground());
}

void HostScheduler::Entered(const std::string& name) {
  MutexLock lock(mutex_);
  Host& host = HostOfLocked(name);
  host.asking = false;
  host.refused = false;
  StartLocked(name, host);
}

void HostScheduler::PutBack(const std::string& name, Task task,
                            std::chrono::milliseconds again_after) {
  {
    MutexLock lock(mutex_);
    Host& host = HostOfLocked(name);
    UncountLocked(host, task.foreground());
    host.asking = false;
    host.refused = true;
    const auto order = task.Order();
    host.queue.emplace(order, std::move(task));
    // Whoever is more urgent has come meanwhile, and has not asked yet.
    const bool is_first = host.queue.begin()->first == order;
    host.again_at = is_first ? std::chrono::steady_clock::now() + again_after : SteadyTime{};
    StartLocked(name, host);
    StartOthersLocked();
  }
  wake_();
}

void HostScheduler::Finished(const std::string& name, bool foreground) {
  MutexLock lock(mutex_);
  Host& host = HostOfLocked(name);
  UncountLocked(host, foreground);
  host.again_at = {};
  StartLocked(name, host);
  StartOthersLocked();
}

void HostScheduler::UncountLocked(Host& host, bool foreground) {
  --host.running;
  --running_;
  if (!foreground) --host.running_background;
}

// The place may have been the last of all.
void HostScheduler::StartOthersLocked() {
  if (running_ != concurrency_ - 1) return;
  for (auto& [name, host] : hosts_) StartLocked(name, host);
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
  state.requests_per_minute_max = host.requests_per_minute_max;
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
