#include "base/flight.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

namespace reposfs {
namespace {

class FlightTest : public ::testing::Test {
 protected:
  Flight::Callback Record() {
    return [this](const Status& status) {
      ++calls_;
      last_ = status ? "ok" : status.error().message;
    };
  }

  Flight flight_;
  int calls_ = 0;
  std::string last_;
};

TEST_F(FlightTest, ACallbackRunsWhenTheFlightLands) {
  flight_.Then(Record());
  EXPECT_EQ(calls_, 0);
  flight_.Land({});
  EXPECT_EQ(calls_, 1);
  EXPECT_EQ(last_, "ok");
}

TEST_F(FlightTest, ACallbackRunsAtOnceAfterTheLanding) {
  flight_.Land(Error{Errc::kIo, "lost"});
  flight_.Then(Record());
  EXPECT_EQ(calls_, 1);
  EXPECT_EQ(last_, "lost");
}

TEST_F(FlightTest, TheSecondLandingIsIgnored) {
  flight_.Then(Record());
  flight_.Land(Error{Errc::kIo, "first"});
  flight_.Land({});
  EXPECT_EQ(calls_, 1);
  flight_.Then(Record());
  EXPECT_EQ(calls_, 2);
  EXPECT_EQ(last_, "first");
}

TEST_F(FlightTest, EveryCallbackRunsInTheOrderOfArrival) {
  std::string order;
  for (const char name : {'a', 'b', 'c'}) {
    flight_.Then([&order, name](const Status&) { order += name; });
  }
  flight_.Land({});
  EXPECT_EQ(order, "abc");
}

TEST_F(FlightTest, ACallbackMaySubscribeAgain) {
  flight_.Then([this](const Status&) { flight_.Then(Record()); });
  flight_.Land({});
  EXPECT_EQ(calls_, 1) << "no lock is held while callbacks run";
}

TEST_F(FlightTest, WaitReturnsWhatItLandedWith) {
  std::thread lander([this] { flight_.Land(Error{Errc::kTimedOut, "late"}); });
  const Status status = flight_.Wait();
  lander.join();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::kTimedOut);
  EXPECT_TRUE(flight_.landed());
}

TEST_F(FlightTest, ProgressMovesTheDeadline) {
  const auto before = flight_.last_progress();
  while (std::chrono::steady_clock::now() <= before) {
  }
  flight_.NoteProgress();
  EXPECT_GT(flight_.last_progress(), before);
}

TEST(FlightRaceTest, EachCallbackRunsExactlyOnceHoweverManyThreadsLand) {
  for (int round = 0; round < 200; ++round) {
    Flight flight;
    std::atomic<int> calls{0};
    std::thread lander([&] { flight.Land({}); });
    std::thread canceller([&] { flight.Land(Error{Errc::kInterrupted, "stop"}); });
    for (int i = 0; i < 10; ++i) flight.Then([&](const Status&) { ++calls; });
    lander.join();
    canceller.join();
    EXPECT_EQ(calls, 10);
  }
}

TEST(OutcomeTest, IsAnAnswerOrAFlight) {
  const Outcome<int> answer = 7;
  EXPECT_FALSE(answer.waits());
  EXPECT_TRUE(answer.has_value());
  const Outcome<int> failure = Error{Errc::kIo, "lost"};
  EXPECT_FALSE(failure.waits());
  EXPECT_FALSE(failure.has_value());
  const auto flight = std::make_shared<Flight>();
  const Outcome<int> later = flight;
  EXPECT_TRUE(later.waits());
  EXPECT_FALSE(later.has_value());
  EXPECT_EQ(later.flight(), flight);
}

TEST(OutcomeTest, KeepsItsReasonAsAnotherType) {
  const Outcome<int> failure = Error{Errc::kIo, "lost"};
  EXPECT_EQ(failure.As<Done>().result().error().message, "lost");
  const auto flight = std::make_shared<Flight>();
  EXPECT_EQ(Outcome<int>(flight).As<Done>().flight(), flight);
}

}  // namespace
}  // namespace reposfs
