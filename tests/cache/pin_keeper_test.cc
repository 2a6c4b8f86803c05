#include "cache/pin_keeper.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/cache/manual_clock.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class PinKeeperTest : public ::testing::Test {
 protected:
  static RepositoryKey Key(const std::string& name) { return {"h", "o", name}; }
  // How often `name` was fetched.
  std::size_t FetchCount(const std::string& name) const {
    const auto found = flights_.find(Key(name));
    return found == flights_.end() ? 0 : found->second.size();
  }
  void Land(const std::string& name, Status status) {
    flights_.at(Key(name)).back()->Land(std::move(status));
  }
  // Considers `name` each second until it is fetched once more; returns how many that took.
  int SecondsUntilFetched(const std::string& name) {
    const std::size_t before = FetchCount(name);
    int waited = 0;
    while (FetchCount(name) == before && waited < 10'000) {
      clock_.Advance(seconds(1));
      ++waited;
      keeper_.Consider(Key(name));
    }
    return waited;
  }

  ManualClock clock_;
  std::set<RepositoryKey> here_;
  std::map<RepositoryKey, std::vector<FlightPtr>> flights_;
  PinKeeper keeper_{clock_,
                    {[this](const RepositoryKey& key) { return here_.contains(key); },
                     [this](const RepositoryKey& key) {
                       flights_[key].push_back(std::make_shared<Flight>());
                       return flights_[key].back();
                     }}};
};

TEST_F(PinKeeperTest, WhatIsHereIsLeftAlone) {
  here_.insert(Key("a"));
  keeper_.Consider(Key("a"));
  keeper_.Consider(Key("b"));
  EXPECT_EQ(FetchCount("a"), 0u);
  EXPECT_EQ(FetchCount("b"), 1u);
  keeper_.Consider(Key("b"));
  EXPECT_EQ(FetchCount("b"), 1u) << "it is under way";
}

TEST_F(PinKeeperTest, WhatWasLostIsFetchedAgain) {
  keeper_.Consider(Key("a"));
  Land("a", {});
  keeper_.Consider(Key("a"));
  EXPECT_EQ(FetchCount("a"), 2u);
}

TEST_F(PinKeeperTest, AFewAreUnderWayAtATime) {
  for (int i = 0; i < 10; ++i) keeper_.Consider(Key(std::to_string(i)));
  EXPECT_EQ(flights_.size(), static_cast<std::size_t>(PinKeeper::kUnderWayMax));
  Land("0", {});
  keeper_.Consider(Key("9"));
  EXPECT_EQ(FetchCount("9"), 1u);
}

TEST_F(PinKeeperTest, WhatFailsIsTriedLaterAndLater) {
  keeper_.Consider(Key("a"));
  std::vector<int> waits;
  for (int i = 0; i < 12; ++i) {
    Land("a", Error{Errc::kUnreachable, "down"});
    waits.push_back(SecondsUntilFetched("a"));
  }
  EXPECT_LE(waits[0], 3);
  for (std::size_t i = 1; i < 8; ++i) EXPECT_GT(waits[i], waits[i - 1]);
  EXPECT_GE(waits.back(), 600);
  EXPECT_LE(waits.back(), 751);
}

TEST_F(PinKeeperTest, WhatWillNotPassWaitsLongerAndAHostIsBelieved) {
  keeper_.Consider(Key("none"));
  Land("none", Error{Errc::kNotFound, "no such repository"});
  EXPECT_GE(SecondsUntilFetched("none"), 60);
  keeper_.Consider(Key("busy"));
  Land("busy", Error{Errc::kUnreachable, "later", minutes(20)});
  EXPECT_GE(SecondsUntilFetched("busy"), 1200);
}

TEST_F(PinKeeperTest, TroublesAreToldUntilTheyAreOver) {
  keeper_.Consider(Key("a"));
  EXPECT_TRUE(keeper_.Troubles(10).empty());
  Land("a", Error{Errc::kNotFound, "no such repository"});
  ASSERT_EQ(keeper_.Troubles(10).size(), 1u);
  EXPECT_EQ(keeper_.Troubles(10)[0].key, "h/o/a");
  EXPECT_EQ(keeper_.Troubles(10)[0].error.message, "no such repository");
  EXPECT_TRUE(keeper_.Troubles(0).empty());
  here_.insert(Key("a"));
  keeper_.Consider(Key("a"));
  EXPECT_TRUE(keeper_.Troubles(10).empty());
}

TEST_F(PinKeeperTest, AChangedListIsTriedAtOnce) {
  keeper_.Consider(Key("a"));
  Land("a", Error{Errc::kNotFound, "no such repository"});
  keeper_.Consider(Key("a"));
  EXPECT_EQ(FetchCount("a"), 1u);
  keeper_.Forget();
  keeper_.Consider(Key("a"));
  EXPECT_EQ(FetchCount("a"), 2u);
}

}  // namespace
}  // namespace reposfs
