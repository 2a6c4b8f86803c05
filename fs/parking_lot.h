// Requests of the kernel that wait for a flight.
//
// A thread that serves the kernel never blocks; it parks the request here and goes on.  The request
// is resumed once, by whichever comes first: the flight lands, nothing has moved for too long, or
// the caller was interrupted.
//
//   Add() --> parked, unarmed --Arm()--> parked --> resumed (removed)
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) Each request is resumed exactly once, on a thread of the pool, and not before Arm().
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <thread>
#include <unordered_map>

#include "base/flight.h"
#include "base/mutex.h"
#include "base/thread_pool.h"

namespace reposfs {

class ParkingLot {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;
  enum class Wake { kLanded, kDeadline, kInterrupted };
  // `status` is the flight's if it has landed.
  using Resume = std::function<void(Wake wake, const Status& status)>;

  // A request fails when its flight has made no progress for `progress_timeout`.
  ParkingLot(ThreadPool& pool, std::chrono::milliseconds progress_timeout);
  ~ParkingLot();
  ParkingLot(const ParkingLot&) = delete;
  ParkingLot& operator=(const ParkingLot&) = delete;

  // With `deadline`, the request waits no longer, whatever progress there is.
  std::uint64_t Add(FlightPtr flight, std::optional<SteadyTime> deadline, Resume resume)
      REPOSFS_EXCLUDES(mutex_);
  void Arm(std::uint64_t id) REPOSFS_EXCLUDES(mutex_);
  void Interrupt(std::uint64_t id) REPOSFS_EXCLUDES(mutex_);

  // Interrupts everything, and whatever is added from now on.
  void Close() REPOSFS_EXCLUDES(mutex_);

  std::size_t size() const REPOSFS_EXCLUDES(mutex_);

 private:
  struct Parked {
    FlightPtr flight;
    std::optional<SteadyTime> deadline;
    SteadyTime parked_at;
    Resume resume;
    bool armed = false;
    bool interrupted = false;
  };

  void WakeUp(std::uint64_t id, Wake wake, const Status& status) REPOSFS_EXCLUDES(mutex_);
  void Sweep();
  std::vector<std::uint64_t> ExpiredLocked(SteadyTime now) REPOSFS_REQUIRES(mutex_);

  ThreadPool& pool_;
  const std::chrono::milliseconds progress_timeout_;

  mutable Mutex mutex_;  // Before Flight's.
  CondVar closing_;
  std::unordered_map<std::uint64_t, Parked> parked_ REPOSFS_GUARDED_BY(mutex_);
  std::uint64_t next_id_ REPOSFS_GUARDED_BY(mutex_) = 1;
  bool closed_ REPOSFS_GUARDED_BY(mutex_) = false;

  std::thread sweeper_;
};

}  // namespace reposfs
