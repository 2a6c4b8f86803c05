#include "fs/parking_lot.h"

#include <algorithm>
#include <utility>

namespace reposfs {
namespace {

constexpr std::chrono::milliseconds kSweepEvery(50);

}  // namespace

ParkingLot::ParkingLot(ThreadPool& pool, std::chrono::milliseconds progress_timeout)
    : pool_(pool), progress_timeout_(progress_timeout), sweeper_([this] { Sweep(); }) {}

ParkingLot::~ParkingLot() {
  Close();
  sweeper_.join();
}

std::uint64_t ParkingLot::Add(FlightPtr flight, std::optional<SteadyTime> deadline, Resume resume) {
  MutexLock lock(mutex_);
  const std::uint64_t id = next_id_++;
  parked_.emplace(id, Parked{std::move(flight), deadline, std::chrono::steady_clock::now(),
                             std::move(resume), false, closed_});
  return id;
}

void ParkingLot::Arm(std::uint64_t id) {
  FlightPtr flight;
  bool interrupted = false;
  {
    MutexLock lock(mutex_);
    const auto found = parked_.find(id);
    if (found == parked_.end()) return;
    found->second.armed = true;
    interrupted = found->second.interrupted;
    flight = found->second.flight;
  }
  if (interrupted) return WakeUp(id, Wake::kInterrupted, {});
  flight->Then([this, id](const Status& status) { WakeUp(id, Wake::kLanded, status); });
}

void ParkingLot::Interrupt(std::uint64_t id) {
  {
    MutexLock lock(mutex_);
    const auto found = parked_.find(id);
    if (found == parked_.end()) return;
    found->second.interrupted = true;
    if (!found->second.armed) return;  // Arm() will see it.
  }
  WakeUp(id, Wake::kInterrupted, {});
}

void ParkingLot::WakeUp(std::uint64_t id, Wake wake, const Status& status) {
  Resume resume;
  {
    MutexLock lock(mutex_);
    const auto found = parked_.find(id);
    if (found == parked_.end()) return;
    resume = std::move(found->second.resume);
    parked_.erase(found);
  }
  pool_.Submit([resume = std::move(resume), wake, status] { resume(wake, status); });
}

std::vector<std::uint64_t> ParkingLot::ExpiredLocked(SteadyTime now) {
  std::vector<std::uint64_t> expired;
  for (const auto& [id, parked] : parked_) {
    if (!parked.armed) continue;
    const SteadyTime moved = std::max(parked.parked_at, parked.flight->last_progress());
    const bool too_late =
        parked.deadline ? now >= *parked.deadline : now - moved >= progress_timeout_;
    if (too_late) expired.push_back(id);
  }
  return expired;
}

void ParkingLot::Sweep() {
  SetThreadName("parking-lot");
  while (true) {
    std::vector<std::uint64_t> expired;
    {
      MutexLock lock(mutex_);
      if (closed_) return;
      closing_.WaitFor(mutex_, kSweepEvery);
      expired = ExpiredLocked(std::chrono::steady_clock::now());
    }
    for (const std::uint64_t id : expired) WakeUp(id, Wake::kDeadline, {});
  }
}

void ParkingLot::Close() {
  std::vector<std::uint64_t> armed;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    for (auto& [id, parked] : parked_) {
      parked.interrupted = true;
      if (parked.armed) armed.push_back(id);
    }
    closing_.NotifyAll();
  }
  for (const std::uint64_t id : armed) WakeUp(id, Wake::kInterrupted, {});
}

std::size_t ParkingLot::size() const {
  MutexLock lock(mutex_);
  return parked_.size();
}

}  // namespace reposfs
