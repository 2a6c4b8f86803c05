#include "fs/parking_lot.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using Wake = ParkingLot::Wake;

constexpr milliseconds kLong = std::chrono::hours(1);
constexpr milliseconds kShort(200);

// Requests that write down how they were resumed.
class ParkingLotTest : public ::testing::Test {
 protected:
  ~ParkingLotTest() override {
    lot_.reset();
    pool_.Stop();
  }

  void MakeLot(milliseconds progress_timeout) {
    lot_ = std::make_unique<ParkingLot>(pool_, progress_timeout);
  }

  std::uint64_t Add(std::optional<milliseconds> deadline = std::nullopt) {
    std::optional<ParkingLot::SteadyTime> at;
    if (deadline) at = std::chrono::steady_clock::now() + *deadline;
    return lot_->Add(flight_, at, [this](Wake wake, const Status& status) {
      MutexLock lock(mutex_);
      wakes_.push_back(wake);
      if (!status) last_error_ = status.error().message;
      changed_.NotifyAll();
    });
  }
  std::uint64_t AddArmed(std::optional<milliseconds> deadline = std::nullopt) {
    const std::uint64_t id = Add(deadline);
    lot_->Arm(id);
    return id;
  }

  // The first resumption, when it has come.
  Wake FirstWake() {
    MutexLock lock(mutex_);
    while (wakes_.empty()) changed_.Wait(mutex_);
    return wakes_[0];
  }

  // How often requests were resumed, after all that was submitted has run.
  std::size_t WakeCount() {
    Flight drained;
    pool_.Submit([&] { drained.Land({}); });
    EXPECT_TRUE(drained.Wait());
    MutexLock lock(mutex_);
    return wakes_.size();
  }

  ThreadPool pool_{"test", 1};
  const FlightPtr flight_ = std::make_shared<Flight>();
  Mutex mutex_;
  CondVar changed_;
  std::vector<Wake> wakes_;
  std::string last_error_;
  std::unique_ptr<ParkingLot> lot_;
};

TEST_F(ParkingLotTest, ARequestIsResumedWhenItsFlightLands) {
  MakeLot(kLong);
  AddArmed();
  EXPECT_EQ(lot_->size(), 1u);
  flight_->Land(Error{Errc::kIo, "lost"});
  EXPECT_EQ(FirstWake(), Wake::kLanded);
  EXPECT_EQ(last_error_, "lost");
  EXPECT_EQ(lot_->size(), 0u);
}

TEST_F(ParkingLotTest, NothingHappensBeforeItIsArmed) {
  MakeLot(kLong);
  const std::uint64_t id = Add();
  flight_->Land({});
  EXPECT_EQ(WakeCount(), 0u);
  lot_->Arm(id);
  EXPECT_EQ(FirstWake(), Wake::kLanded);
}

TEST_F(ParkingLotTest, AnInterruptEndsTheWait) {
  MakeLot(kLong);
  lot_->Interrupt(AddArmed());
  EXPECT_EQ(FirstWake(), Wake::kInterrupted);
}

TEST_F(ParkingLotTest, AnInterruptBeforeArmingIsNotLost) {
  MakeLot(kLong);
  const std::uint64_t id = Add();
  lot_->Interrupt(id);
  EXPECT_EQ(WakeCount(), 0u);
  lot_->Arm(id);
  EXPECT_EQ(FirstWake(), Wake::kInterrupted);
}

TEST_F(ParkingLotTest, WithoutProgressTheWaitEnds) {
  MakeLot(kShort);
  AddArmed();
  EXPECT_EQ(FirstWake(), Wake::kDeadline);
}

TEST_F(ParkingLotTest, ProgressExtendsTheWait) {
  MakeLot(kShort);
  AddArmed();
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < 4 * kShort) {
    flight_->NoteProgress();
    std::this_thread::yield();
  }
  EXPECT_EQ(WakeCount(), 0u);
  EXPECT_EQ(FirstWake(), Wake::kDeadline);
}

TEST_F(ParkingLotTest, ADeadlineEndsTheWaitWhateverProgressThereIs) {
  MakeLot(kLong);
  AddArmed(kShort);
  while (WakeCount() == 0) flight_->NoteProgress();
  EXPECT_EQ(FirstWake(), Wake::kDeadline);
}

TEST_F(ParkingLotTest, EachRequestIsResumedOnceWhateverComesAfterwards) {
  MakeLot(kShort);
  const std::uint64_t id = AddArmed(kShort);
  lot_->Interrupt(id);
  flight_->Land({});
  lot_->Interrupt(id);
  lot_->Arm(id);
  lot_->Close();
  EXPECT_EQ(WakeCount(), 1u);
}

TEST_F(ParkingLotTest, ARaceOfAllThreeResumesEachOnce) {
  MakeLot(milliseconds(1));
  constexpr std::size_t kRequests = 200;
  std::vector<std::uint64_t> ids;
  for (std::size_t i = 0; i < kRequests; ++i) ids.push_back(Add());
  std::thread interrupter([&] {
    for (const std::uint64_t id : ids) lot_->Interrupt(id);
  });
  std::thread lander([&] { flight_->Land({}); });
  for (const std::uint64_t id : ids) lot_->Arm(id);
  interrupter.join();
  lander.join();
  while (lot_->size() > 0) std::this_thread::yield();
  EXPECT_EQ(WakeCount(), kRequests);
}

TEST_F(ParkingLotTest, CloseInterruptsEverythingAndWhatComesAfterwards) {
  MakeLot(kLong);
  AddArmed();
  const std::uint64_t unarmed = Add();
  lot_->Close();
  EXPECT_EQ(WakeCount(), 1u);
  lot_->Arm(unarmed);
  AddArmed();
  EXPECT_EQ(WakeCount(), 3u);
  MutexLock lock(mutex_);
  for (const Wake wake : wakes_) EXPECT_EQ(wake, Wake::kInterrupted);
}

}  // namespace
}  // namespace reposfs
