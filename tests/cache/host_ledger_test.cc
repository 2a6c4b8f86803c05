#include "cache/host_ledger.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "cache/catalog.h"
#include "tests/cache/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kPlacesMax = 3;
constexpr int kBackgroundPlacesMax = 1;

// Two processes, each with a catalog of its own on the same file.
class HostLedgerTest : public ::testing::Test {
 protected:
  Catalog OpenCatalog() {
    auto catalog = Catalog::Open(directory_ / "catalog.db");
    if (!catalog) throw std::runtime_error(catalog.error().message);
    return std::move(*catalog);
  }

  static HostLedger::Visitor Visitor(int priority, int requests_max = 0) {
    HostLedger::Visitor visitor{};
    visitor.host = "h";
    visitor.priority = priority;
    visitor.background = priority < 50;
    visitor.places_max = kPlacesMax;
    visitor.background_places_max = kBackgroundPlacesMax;
    visitor.requests_max = requests_max;
    return visitor;
  }
  HostLedger::Visitor Again(int priority) {
    HostLedger::Visitor visitor = Visitor(priority);
    visitor.again = true;
    return visitor;
  }

  static HostLedger::Use UseOf(const HostLedger& ledger) {
    const auto uses = ledger.Uses();
    if (!uses || !uses->contains("h")) return {};
    return uses->at("h");
  }
  bool IsAlive(const std::string& name) const { return !dead_.contains(name); }

  testing::TempDir directory_{"host-ledger"};
  ManualClock clock_;
  std::set<std::string> dead_;
  Catalog catalog_ = OpenCatalog();
  Catalog other_catalog_ = OpenCatalog();
  HostLedger ledger_{catalog_.database(), "me", [this](const auto& name) { return IsAlive(name); },
                     clock_};
  HostLedger other_{other_catalog_.database(), "other",
                    [this](const auto& name) { return IsAlive(name); }, clock_};
};

TEST_F(HostLedgerTest, PlacesAreThoseOfAllTogether) {
  const auto first = ledger_.Enter(Visitor(60));
  ASSERT_TRUE(first && first->entered);
  EXPECT_TRUE(ledger_.Enter(Visitor(60))->entered);
  EXPECT_TRUE(other_.Enter(Visitor(60))->entered);
  EXPECT_FALSE(other_.Enter(Visitor(60))->entered);
  EXPECT_EQ(UseOf(other_).place_count, kPlacesMax);
  ASSERT_TRUE(ledger_.Leave("h", first->place));
  EXPECT_EQ(UseOf(other_).place_count, kPlacesMax - 1);
  EXPECT_TRUE(other_.Enter(Again(60))->entered);
}

TEST_F(HostLedgerTest, BackgroundHasItsShareOfAllPlaces) {
  EXPECT_TRUE(ledger_.Enter(Visitor(10))->entered);
  EXPECT_FALSE(other_.Enter(Visitor(10))->entered);
  EXPECT_TRUE(other_.Enter(Visitor(60))->entered);
}

TEST_F(HostLedgerTest, TheDeadGiveTheirPlacesBackAtOnce) {
  for (int i = 0; i < kPlacesMax; ++i) ASSERT_TRUE(other_.Enter(Visitor(60))->entered);
  EXPECT_FALSE(ledger_.Enter(Visitor(60))->entered);
  dead_ = {"other"};
  EXPECT_EQ(UseOf(ledger_).place_count, 0);
  EXPECT_TRUE(ledger_.Enter(Again(60))->entered);
}

TEST_F(HostLedgerTest, WhoHangsLosesItsPlacesAndWhoLivesKeepsThem) {
  for (int i = 0; i < kPlacesMax; ++i) ASSERT_TRUE(other_.Enter(Visitor(60))->entered);
  clock_.Advance(seconds(25));
  ASSERT_TRUE(other_.Renew());
  clock_.Advance(seconds(25));
  EXPECT_FALSE(ledger_.Enter(Visitor(60))->entered);
  clock_.Advance(seconds(25));
  EXPECT_TRUE(ledger_.Enter(Again(60))->entered);
}

TEST_F(HostLedgerTest, WhoIsMoreUrgentElsewhereGoesFirst) {
  const auto place = ledger_.Enter(Visitor(60));
  for (int i = 1; i < kPlacesMax; ++i) ASSERT_TRUE(ledger_.Enter(Visitor(60))->entered);
  EXPECT_FALSE(other_.Enter(Visitor(90))->entered);
  ASSERT_TRUE(ledger_.Leave("h", place->place));
  EXPECT_FALSE(ledger_.Enter(Visitor(60))->entered) << "somebody more urgent waits";
  EXPECT_TRUE(other_.Enter(Again(90))->entered);
}

TEST_F(HostLedgerTest, WhoDoesNotComeAgainIsNotWaitedFor) {
  const auto place = ledger_.Enter(Visitor(60));
  for (int i = 1; i < kPlacesMax; ++i) ASSERT_TRUE(ledger_.Enter(Visitor(60))->entered);
  EXPECT_FALSE(other_.Enter(Visitor(90))->entered);
  ASSERT_TRUE(ledger_.Leave("h", place->place));
  clock_.Advance(seconds(3));
  EXPECT_TRUE(ledger_.Enter(Visitor(60))->entered);
}

TEST_F(HostLedgerTest, AnEqualHasItsTurnAfterASecond) {
  auto place = ledger_.Enter(Visitor(60));
  for (int i = 1; i < kPlacesMax; ++i) ASSERT_TRUE(ledger_.Enter(Visitor(60))->entered);
  EXPECT_FALSE(other_.Enter(Visitor(60))->entered);
  ASSERT_TRUE(ledger_.Leave("h", place->place));
  place = ledger_.Enter(Visitor(60));
  ASSERT_TRUE(place->entered) << "whoever comes first";
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(milliseconds(500));
    EXPECT_FALSE(other_.Enter(Again(60))->entered);
  }
  ASSERT_TRUE(ledger_.Leave("h", place->place));
  EXPECT_FALSE(ledger_.Enter(Visitor(60))->entered);
  EXPECT_TRUE(other_.Enter(Again(60))->entered);
}

TEST_F(HostLedgerTest, TheRequestsOfAMinuteAreThoseOfAllTogether) {
  ASSERT_TRUE(ledger_.Enter(Visitor(60, 3))->entered);
  ASSERT_TRUE(ledger_.TakeRequests("h", 1, 3, {}));  // The one that came with the place.
  ASSERT_TRUE(ledger_.TakeRequests("h", 1, 3, {}));
  ASSERT_TRUE(other_.Enter(Visitor(60, 3))->entered);
  EXPECT_EQ(UseOf(ledger_).request_count, 3);
  const auto refused = other_.Enter(Visitor(60, 3));
  EXPECT_FALSE(refused->entered);
  EXPECT_GT(refused->again_after, milliseconds(500)) << "nothing changes before the minute is over";
  clock_.Advance(seconds(61));
  EXPECT_TRUE(other_.Enter(Visitor(60, 3))->entered);
  EXPECT_EQ(UseOf(ledger_).request_count, 1);
}

TEST_F(HostLedgerTest, ARequestThatWasNotMadeIsGivenBack) {
  const auto place = ledger_.Enter(Visitor(60, 1));
  ASSERT_TRUE(place->entered);
  ASSERT_TRUE(ledger_.Leave("h", place->place));
  const auto next = ledger_.Enter(Visitor(60, 1));
  ASSERT_TRUE(next->entered);
  ASSERT_TRUE(ledger_.TakeRequests("h", 1, 1, {}));
  ASSERT_TRUE(ledger_.Leave("h", next->place));
  EXPECT_FALSE(ledger_.Enter(Visitor(60, 1))->entered);
}

TEST_F(HostLedgerTest, FurtherRequestsWaitForTheNextMinute) {
  ASSERT_TRUE(ledger_.TakeRequests("h", 5, 2, {})) << "no more are wanted than there are";
  EXPECT_EQ(UseOf(ledger_).request_count, 2);
  int calls = 0;
  const auto keep_going = [&]() -> Status {
    if (++calls == 3) clock_.Advance(seconds(61));
    return {};
  };
  ASSERT_TRUE(other_.TakeRequests("h", 1, 2, keep_going));
  EXPECT_EQ(calls, 3);
  ASSERT_TRUE(other_.TakeRequests("h", 1, 2, {}));
  const auto ended = ledger_.TakeRequests("h", 1, 2, []() -> Status {
    return Error{Errc::kInterrupted, "stop"};
  });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Errc::kInterrupted);
}

TEST_F(HostLedgerTest, WhoEndsLeavesNothing) {
  for (int i = 0; i < kPlacesMax; ++i) ASSERT_TRUE(ledger_.Enter(Visitor(60))->entered);
  {
    HostLedger third(
        catalog_.database(), "third", [](const auto&) { return true; }, clock_);
    EXPECT_FALSE(third.Enter(Visitor(90))->entered);
  }
  ASSERT_TRUE(ledger_.Leave("h", 1));
  EXPECT_TRUE(other_.Enter(Visitor(60))->entered) << "the third waits no more";
}

}  // namespace
}  // namespace reposfs
