// A real Transport that counts, fails and stalls as the test says.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "tests/cache/tested_client.h"

namespace reposfs {

// Thread-safety: every method may be called from any thread.
class ControlledTransport final : public Transport {
 public:
  using Predicate = std::function<bool(const FetchRequest&)>;

  explicit ControlledTransport(const FetchOptions& limits) : real_(MakeTestedTransport(limits)) {}

  Result<ListedRefs> ListRefs(const Source& source,
                              const std::function<Status()>& keep_going) override {
    std::optional<Error> failure;
    milliseconds age{0};
    {
      MutexLock lock(mutex_);
      ++list_count_;
      failure = FailureOf(source);
      if (source.peer) age = peer_memory_age_;
    }
    auto ready = WaitWhile([this] { return list_held(); }, keep_going);
    if (!ready) return std::move(ready).error();
    if (failure) return std::move(*failure);
    auto listed = real_->ListRefs(source, keep_going);
    if (listed) listed->age = age;
    return listed;
  }

  Status Fetch(const FetchRequest& request) override {
    std::optional<Error> failure;
    {
      MutexLock lock(mutex_);
      requests_.push_back(request);
      requests_.back().on_object = {};  // It keeps a repository open.
      failure = FailureOf(request.source);
    }
    const auto keep_going = [&]() -> Status {
      return request.on_progress ? request.on_progress(FetchProgress{}) : Status();
    };
    bool was_held = false;
    const auto stalls = [&] {
      const bool holds = Holds(request);
      was_held |= holds;
      return holds;
    };
    if (auto ready = WaitWhile(stalls, keep_going); !ready) return ready;
    if (was_held && !failure) failure = EndOfHeld();
    if (failure) return std::move(*failure);
    FetchRequest watched = request;
    watched.on_object = [&](ObjectType type, std::string_view content) {
      if (request.on_object) request.on_object(type, content);
      const auto held = [&] { return type == ObjectType::kTree && tree_held(); };
      // What ends the wait ends the transfer, too.
      static_cast<void>(WaitWhile(held, keep_going));
    };
    Status fetched = real_->Fetch(watched);
    MutexLock lock(mutex_);
    ++finished_count_;
    changed_.NotifyAll();
    while (finished_count_ < rendezvous_count_) changed_.Wait(mutex_);
    return fetched;
  }

  void Prepare(const HostOptions& host, const std::function<Status()>& keep_going) override {
    {
      MutexLock lock(mutex_);
      prepared_urls_.push_back(host.url);
    }
    const auto held = [this] {
      MutexLock lock(mutex_);
      return preparations_held_;
    };
    static_cast<void>(WaitWhile(held, keep_going));
  }

  // Everything fails with `failure`, or nothing does.
  void Fail(std::optional<Error> failure) {
    MutexLock lock(mutex_);
    failure_ = std::move(failure);
  }
  // So does every source that `failing` returns an error for.
  void FailSources(std::function<std::optional<Error>(const Source&)> failing) {
    MutexLock lock(mutex_);
    failing_ = std::move(failing);
  }
  // The refs that peers tell are `age` old.
  void PeersRemember(milliseconds age) {
    MutexLock lock(mutex_);
    peer_memory_age_ = age;
  }
  void HoldLists(bool held) {
    MutexLock lock(mutex_);
    list_held_ = held;
    changed_.NotifyAll();
  }
  void HoldPreparations() {
    MutexLock lock(mutex_);
    preparations_held_ = true;
  }
  // Fetches that match stall, unless they are ended, until HoldFetches({}).
  void HoldFetches(Predicate held) {
    MutexLock lock(mutex_);
    fetch_held_ = std::move(held);
    changed_.NotifyAll();
  }
  // Fetches that have told of a tree stall.
  void HoldAfterTree(bool held) {
    MutexLock lock(mutex_);
    tree_held_ = held;
    changed_.NotifyAll();
  }
  // Those that stall fail; others do not stall any more.
  void EndHeldFetches(Error failure) {
    MutexLock lock(mutex_);
    fetch_held_ = {};
    end_of_held_ = std::move(failure);
    changed_.NotifyAll();
  }
  // Nobody returns from Fetch() before `count` have fetched.
  void Rendezvous(int count) {
    MutexLock lock(mutex_);
    rendezvous_count_ = count;
    finished_count_ = 0;
  }

  int list_count() const {
    MutexLock lock(mutex_);
    return list_count_;
  }
  // Of the hosts in the order in which they were prepared.
  std::vector<std::string> prepared_urls() const {
    MutexLock lock(mutex_);
    return prepared_urls_;
  }
  std::vector<FetchRequest> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }

 private:
  std::optional<Error> FailureOf(const Source& source) const REPOSFS_REQUIRES(mutex_) {
    return failure_ || !failing_ ? failure_ : failing_(source);
  }
  bool list_held() const {
    MutexLock lock(mutex_);
    return list_held_;
  }
  bool tree_held() const {
    MutexLock lock(mutex_);
    return tree_held_;
  }
  std::optional<Error> EndOfHeld() const {
    MutexLock lock(mutex_);
    return end_of_held_;
  }
  bool Holds(const FetchRequest& request) const {
    MutexLock lock(mutex_);
    return fetch_held_ && fetch_held_(request);
  }

  // As a real transfer does, asks 20 times a second whether to go on.
  Status WaitWhile(const std::function<bool()>& held, const std::function<Status()>& keep_going) {
    while (held()) {
      if (auto status = keep_going ? keep_going() : Status(); !status) return status;
      MutexLock lock(mutex_);
      changed_.WaitFor(mutex_, std::chrono::milliseconds(50));
    }
    return {};
  }

  const std::unique_ptr<Transport> real_;

  mutable Mutex mutex_;  // A leaf lock.
  CondVar changed_;
  std::optional<Error> failure_ REPOSFS_GUARDED_BY(mutex_);
  std::function<std::optional<Error>(const Source&)> failing_ REPOSFS_GUARDED_BY(mutex_);
  milliseconds peer_memory_age_ REPOSFS_GUARDED_BY(mutex_){0};
  bool list_held_ REPOSFS_GUARDED_BY(mutex_) = false;
  bool tree_held_ REPOSFS_GUARDED_BY(mutex_) = false;
  bool preparations_held_ REPOSFS_GUARDED_BY(mutex_) = false;
  std::vector<std::string> prepared_urls_ REPOSFS_GUARDED_BY(mutex_);
  std::optional<Error> end_of_held_ REPOSFS_GUARDED_BY(mutex_);
  Predicate fetch_held_ REPOSFS_GUARDED_BY(mutex_);
  int rendezvous_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
  int finished_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
  int list_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
  std::vector<FetchRequest> requests_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
