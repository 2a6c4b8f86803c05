#include "cache/flight_table.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

const Error kLost{Errc::kIo, "lost"};

TEST(FlightTableTest, WhoeverWantsTheSameThingJoinsTheSameFlight) {
  FlightTable table;
  const auto first = table.Join("a");
  const auto second = table.Join("a");
  EXPECT_TRUE(first.first);
  EXPECT_FALSE(second.first);
  EXPECT_EQ(first.flight, second.flight);
  EXPECT_TRUE(table.Join("b").first);
}

TEST(FlightTableTest, AfterTheLandingANewFlightBegins) {
  FlightTable table;
  const auto first = table.Join("a");
  table.Land("a", {}, milliseconds(0));
  EXPECT_TRUE(first.flight->landed());
  const auto second = table.Join("a");
  EXPECT_TRUE(second.first);
  EXPECT_FALSE(second.flight->landed());
}

TEST(FlightTableTest, AFailureIsBelievedForAWhile) {
  FlightTable table;
  table.Join("a");
  table.Land("a", kLost, hours(1));
  ASSERT_TRUE(table.Failure("a"));
  EXPECT_EQ(table.Failure("a")->message, "lost");
  EXPECT_FALSE(table.Failure("b"));
}

TEST(FlightTableTest, AFailureIsForgottenWhenItsTimeIsOver) {
  FlightTable table;
  table.Remember("a", kLost, milliseconds(0));
  EXPECT_FALSE(table.Failure("a"));
}

TEST(FlightTableTest, ASuccessEndsTheFailure) {
  FlightTable table;
  table.Remember("a", kLost, hours(1));
  table.Land("a", {}, hours(1));
  EXPECT_FALSE(table.Failure("a"));
}

TEST(FlightTableTest, FailuresAreForgottenByPrefix) {
  FlightTable table;
  table.Remember("7:clone:x", kLost, hours(1));
  table.Remember("7:fetch:", kLost, hours(1));
  table.Remember("77:fetch:", kLost, hours(1));
  table.ForgetFailures("7:");
  EXPECT_FALSE(table.Failure("7:clone:x"));
  EXPECT_FALSE(table.Failure("7:fetch:"));
  EXPECT_TRUE(table.Failure("77:fetch:"));
}

TEST(FlightTableTest, FailuresNeverTakeMoreThanTheirShareOfMemory) {
  FlightTable table;
  for (std::size_t i = 0; i <= FlightTable::kFailureCountMax; ++i) {
    table.Remember(std::to_string(i), kLost, hours(1));
  }
  std::size_t believed = 0;
  for (std::size_t i = 0; i <= FlightTable::kFailureCountMax; ++i) {
    if (table.Failure(std::to_string(i))) ++believed;
  }
  EXPECT_LE(believed, FlightTable::kFailureCountMax);
  EXPECT_TRUE(table.Failure(std::to_string(FlightTable::kFailureCountMax))) << "the newest";
}

TEST(FlightTableTest, AtTheEndEveryFlightLands) {
  FlightTable table;
  const FlightPtr a = table.Join("a").flight;
  const FlightPtr b = table.Join("b").flight;
  table.LandAll(kLost);
  EXPECT_EQ(a->Wait().error().message, "lost");
  EXPECT_EQ(b->Wait().error().message, "lost");
}

TEST(FlightTableTest, WhoHearsOfALandingMayJoinAgain) {
  FlightTable table;
  bool joined_anew = false;
  table.Join("a").flight->Then([&](const Status&) { joined_anew = table.Join("a").first; });
  table.Land("a", {}, milliseconds(0));
  EXPECT_TRUE(joined_anew);
}

}  // namespace
}  // namespace reposfs
