#include "daemon/waiting_room.h"

#include <utility>

namespace reposfs {
namespace {

constexpr std::size_t kThreadCount = 2;

}  // namespace

// Each has a deadline, so the time without progress does not matter.
WaitingRoom::WaitingRoom()
    : pool_("http-answer", kThreadCount), parked_(pool_, std::chrono::minutes(1)) {}

void WaitingRoom::Wait(const FlightPtr& flight, SteadyTime deadline, Then then) {
  const std::uint64_t id = parked_.Add(
      flight, deadline, [then = std::move(then)](ParkingLot::Wake wake, const Status& status) {
        if (wake == ParkingLot::Wake::kInterrupted) return;
        then(wake == ParkingLot::Wake::kLanded ? std::optional(status) : std::nullopt);
      });
  parked_.Arm(id);
}

}  // namespace reposfs
