// Requests that wait for a flight, and hold no thread meanwhile.
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) Nobody waits past the deadline given.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "base/flight.h"
#include "base/thread_pool.h"
#include "fs/parking_lot.h"

namespace reposfs {

class WaitingRoom {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;
  // What the flight ended with; nothing if `deadline` has come first.
  using Then = std::function<void(const std::optional<Status>& landed)>;

  WaitingRoom();

  // Calls `then` once, on a thread that may block on the disk.  It is destroyed uncalled if the
  // room is closed first.
  void Wait(const FlightPtr& flight, SteadyTime deadline, Then then);

 private:
  ThreadPool pool_;
  ParkingLot parked_;
};

}  // namespace reposfs
