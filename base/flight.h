// One piece of work under way, and everybody who waits for it.
//
// Nothing in reposfs that serves the kernel may block on the network.  A call that would have to
// returns the Flight it would wait for instead of an answer; its caller subscribes, and asks again
// when the flight has landed.  However many callers miss the same thing, they share one flight.
//
//            Then(), NoteProgress()
//      in the air ----------------------> in the air
//          | Land(status)
//          v
//        landed (final)
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) Each callback runs exactly once.
//   (2) No callback runs with a lock of this class held.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"

namespace reposfs {

class Flight {
 public:
  using Callback = std::function<void(const Status&)>;
  using SteadyTime = std::chrono::steady_clock::time_point;

  Flight() = default;
  // What it brings comes on the way to what `whole` brings, whose progress counts here, too.
  explicit Flight(std::shared_ptr<const Flight> whole) : whole_(std::move(whole)) {}

  // Runs `callback` on the thread that lands the flight, or at once on this one if it has landed.
  void Then(Callback callback) REPOSFS_EXCLUDES(mutex_);

  // Ends the flight.  A second call is ignored: who cancels may race with who finishes.
  void Land(Status status) REPOSFS_EXCLUDES(mutex_);

  // Blocks until the flight has landed.  Never call this from a thread that serves the kernel.
  Status Wait() REPOSFS_EXCLUDES(mutex_);

  bool landed() const REPOSFS_EXCLUDES(mutex_);

  // Deadlines count from here, so that slow is told from dead.
  void NoteProgress();
  SteadyTime last_progress() const;

 private:
  const std::shared_ptr<const Flight> whole_;  // May be null.

  // A plain time stamp that orders nothing else: relaxed suffices.
  std::atomic<SteadyTime::rep> last_progress_{
      std::chrono::steady_clock::now().time_since_epoch().count()};

  mutable Mutex mutex_;  // A leaf lock.
  CondVar landed_;
  std::optional<Status> status_ REPOSFS_GUARDED_BY(mutex_);
  std::vector<Callback> callbacks_ REPOSFS_GUARDED_BY(mutex_);
};

using FlightPtr = std::shared_ptr<Flight>;

// Either the answer, good or bad, or the flight to wait for before asking again.
template <typename T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : state_(Result<T>(std::move(value))) {}
  Outcome(Error error) : state_(Result<T>(std::move(error))) {}
  Outcome(Result<T> result) : state_(std::move(result)) {}
  Outcome(FlightPtr flight) : state_(std::move(flight)) {}

  bool waits() const { return std::holds_alternative<FlightPtr>(state_); }
  bool has_value() const { return !waits() && result().has_value(); }

  // REQUIRES: waits().
  const FlightPtr& flight() const { return std::get<FlightPtr>(state_); }

  // REQUIRES: !waits().
  Result<T>& result() { return std::get<Result<T>>(state_); }
  const Result<T>& result() const { return std::get<Result<T>>(state_); }

  // REQUIRES: has_value().
  T& value() { return result().value(); }

  // The same failure or flight as an outcome of another type.  REQUIRES: !has_value().
  template <typename U>
  Outcome<U> As() const {
    if (waits()) return Outcome<U>(flight());
    return Outcome<U>(result().error());
  }

 private:
  std::variant<Result<T>, FlightPtr> state_;
};

// What an Outcome carries when there is nothing to carry but success.
struct Done {};

}  // namespace reposfs
