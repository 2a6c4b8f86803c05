#include "cache/flight_table.h"

#include <utility>

namespace reposfs {

FlightPtr LandedWith(Status status) {
  auto flight = std::make_shared<Flight>();
  flight->Land(std::move(status));
  return flight;
}

FlightTable::Ticket FlightTable::Join(const std::string& name) {
  MutexLock lock(mutex_);
  FlightPtr& flight = flights_[name];
  const bool first = flight == nullptr;
  if (first) flight = std::make_shared<Flight>();
  return Ticket{flight, first};
}

void FlightTable::Land(const std::string& name, Status status,
                       std::chrono::milliseconds remember_for) {
  FlightPtr flight;
  {
    MutexLock lock(mutex_);
    const auto found = flights_.find(name);
    if (found != flights_.end()) {
      flight = std::move(found->second);
      flights_.erase(found);
    }
    if (status) {
      failures_.erase(name);
    } else {
      RememberLocked(name, status.error(), remember_for);
    }
  }
  if (flight) flight->Land(std::move(status));
}

void FlightTable::Abandon(const std::string& name) {
  FlightPtr flight;
  {
    MutexLock lock(mutex_);
    const auto found = flights_.find(name);
    if (found == flights_.end()) return;
    flight = std::move(found->second);
    flights_.erase(found);
  }
  flight->Land({});
}

std::optional<Error> FlightTable::Failure(const std::string& name) {
  MutexLock lock(mutex_);
  const auto found = failures_.find(name);
  if (found == failures_.end()) return std::nullopt;
  if (found->second.until > std::chrono::steady_clock::now()) return found->second.error;
  failures_.erase(found);
  return std::nullopt;
}

void FlightTable::Remember(const std::string& name, Error error,
                           std::chrono::milliseconds remember_for) {
  MutexLock lock(mutex_);
  RememberLocked(name, std::move(error), remember_for);
}

void FlightTable::RememberLocked(const std::string& name, Error error,
                                 std::chrono::milliseconds remember_for) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (failures_.size() >= kFailureCountMax) {
    std::erase_if(failures_, [&](const auto& failure) { return failure.second.until <= now; });
    if (failures_.size() >= kFailureCountMax) failures_.clear();
  }
  failures_.insert_or_assign(name, Remembered{std::move(error), now + remember_for});
}

void FlightTable::ForgetFailures(const std::string& prefix) {
  MutexLock lock(mutex_);
  std::erase_if(failures_, [&](const auto& failure) { return failure.first.starts_with(prefix); });
}

void FlightTable::LandAll(const Error& error) {
  std::unordered_map<std::string, FlightPtr> flights;
  {
    MutexLock lock(mutex_);
    flights.swap(flights_);
  }
  for (auto& [name, flight] : flights) flight->Land(error);
}

}  // namespace reposfs
