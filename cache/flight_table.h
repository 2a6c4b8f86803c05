// The flights in the air, by what they bring, and the failures that are still believed.
//
// Whoever wants the same thing joins the same flight.  A failure is remembered for a while, so that
// a tool that probes a thousand times for what is not there asks the host once.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/flight.h"
#include "base/mutex.h"

namespace reposfs {

// A flight that has landed already; who is given one that succeeded asks again at once.
FlightPtr LandedWith(Status status);

class FlightTable {
 public:
  // At most this many failures are remembered; then the older ones make room.
  static constexpr std::size_t kFailureCountMax = 10'000;

  struct Ticket {
    FlightPtr flight;
    bool first;  // The caller must see to it that the flight lands, by Land().
  };

  Ticket Join(const std::string& name) REPOSFS_EXCLUDES(mutex_);

  // Removes and lands the flight.  A failure is believed for `remember_for`.
  void Land(const std::string& name, Status status, std::chrono::milliseconds remember_for)
      REPOSFS_EXCLUDES(mutex_);

  // Nobody brings `name` any more: lands its flight, if any, so that who waits asks again.  What is
  // believed stays believed.
  void Abandon(const std::string& name) REPOSFS_EXCLUDES(mutex_);

  // The failure of `name` that is still believed.
  std::optional<Error> Failure(const std::string& name) REPOSFS_EXCLUDES(mutex_);

  // Makes `name` fail for `remember_for` without a flight.
  void Remember(const std::string& name, Error error, std::chrono::milliseconds remember_for)
      REPOSFS_EXCLUDES(mutex_);

  // A user asks explicitly: nothing is believed any more about names that begin with `prefix`.
  void ForgetFailures(const std::string& prefix) REPOSFS_EXCLUDES(mutex_);

  // Lands every flight with `error`.
  void LandAll(const Error& error) REPOSFS_EXCLUDES(mutex_);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Remembered {
    Error error;
    SteadyTime until;
  };

  void RememberLocked(const std::string& name, Error error, std::chrono::milliseconds remember_for)
      REPOSFS_REQUIRES(mutex_);

  Mutex mutex_;  // A leaf lock: flights land without it.
  std::unordered_map<std::string, FlightPtr> flights_ REPOSFS_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Remembered> failures_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
