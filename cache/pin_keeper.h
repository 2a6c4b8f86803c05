// Has what is pinned by name fetched without anybody opening it: which next, and when to try those
// again that have failed.
//
//              Consider(): absent             the flight lands well
//   (forgotten) ---------------> under way ------------------------> (forgotten)
//                                  ^    |
//               Consider(): due    |    | it fails
//                                  +--- waiting (later and later) --Forget()--> (forgotten)
//
// Thread-safety: every method may be called from any thread, Consider() from one at a time.
//
// Invariants:
//   (1) At most kUnderWayMax are under way.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/flight.h"
#include "base/mutex.h"
#include "cache/repository_key.h"

namespace reposfs {

class PinKeeper {
 public:
  static constexpr int kUnderWayMax = 4;

  struct Callbacks {
    // Whether all of it is here that shall be.  Asked often.
    std::function<bool(const RepositoryKey&)> is_here;
    // Begins to bring what is missing.
    std::function<FlightPtr(const RepositoryKey&)> fetch;
  };
  struct Trouble {
    std::string key;
    Error error;
    WallTime at{};
    WallTime next_try{};
  };

  PinKeeper(const Clock& clock, Callbacks callbacks);

  // `key` is pinned: fetches it if it is not here, and there is no reason to wait.  What is fetched
  // is thought of no longer once it is here, so it is considered again and again.
  void Consider(const RepositoryKey& key);
  // Somebody has changed what is pinned: nothing waits any more for having failed.
  void Forget();

  // What has failed and waits, at most `count_max`.
  std::vector<Trouble> Troubles(std::size_t count_max) const;

 private:
  struct Entry {
    bool under_way = false;
    int failure_count = 0;
    Error error{Errc::kIo, ""};
    WallTime failed_at{};
    WallTime next_try{};
  };
  // Outlives the keeper for the sake of flights that land after it.
  struct State {
    Mutex mutex;  // A leaf lock.
    std::map<std::string, Entry> entries REPOSFS_GUARDED_BY(mutex);
    int under_way_count REPOSFS_GUARDED_BY(mutex) = 0;
  };

  // Whether it is to be begun now, which is noted.
  bool Begin(const std::string& key);
  static void End(State& state, const std::string& key, const Status& status, WallTime now);

  const Clock& clock_;
  const Callbacks callbacks_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace reposfs
