// What is pinned by name is here, whether anybody opens it or not.
#include <gtest/gtest.h>

#include "tests/cache/cache_test.h"

namespace reposfs {
namespace {

class PinnedTest : public CacheTest {
 protected:
  ::testing::AssertionResult IsSoon(const std::string& name, Stage stage) {
    const bool is = testing::WaitUntil(
        [&] {
          const RepositoryPtr repository = Repo(name);
          return repository && repository->stage() == stage;
        },
        kSoon);
    if (is) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << name << " did not reach " << StageName(stage);
  }
};

TEST_F(PinnedTest, WhatTheConfigurationNamesIsFetchedWhole) {
  testing::FillSmall(MakeUpstream("named"));
  testing::FillSmall(MakeUpstream("matched"));
  const std::string url = "file://" + Upstream("named").string();
  options_.cache.never_evict = {url, "h/o/mat*"};
  Open();
  EXPECT_TRUE(IsSoon("named", Stage::kComplete));
  EXPECT_TRUE(cache_->IsPinned(*Repo("named")));
  EXPECT_EQ(Repo("named")->last_opened(), WallTime{}) << "nobody has opened it";
  EXPECT_TRUE(cache_->NextCheck(*Repo("named")).due) << "it is kept fresh all the same";
  EXPECT_EQ(Repo("matched"), nullptr) << "a pattern names nothing";
}

TEST_F(PinnedTest, WithoutHistoriesTheFilesSuffice) {
  testing::FillSmall(MakeUpstream("small"));
  options_.cache.never_evict = {"h/o/small"};
  options_.history.policy = HistoryPolicy::kNone;
  Open();
  EXPECT_TRUE(IsSoon("small", Stage::kContent));
  EXPECT_TRUE(IsQuietSoon());
  EXPECT_EQ(Repo("small")->stage(), Stage::kContent);
}

TEST_F(PinnedTest, WhatIsLostIsFetchedAgain) {
  testing::FillSmall(MakeUpstream("small"));
  options_.cache.never_evict = {"h/o/small"};
  Open();
  ASSERT_TRUE(IsSoon("small", Stage::kComplete));
  ASSERT_TRUE(IsQuietSoon());
  ASSERT_TRUE(cache_->Evict(Repo("small"), "asked for", ""));
  ASSERT_EQ(Repo("small")->stage(), Stage::kAbsent);
  clock_.Advance(std::chrono::minutes(5));
  EXPECT_TRUE(IsSoon("small", Stage::kComplete));
}

TEST_F(PinnedTest, AUsersPinFetchesWhatIsNotHere) {
  testing::FillSmall(MakeUpstream("small"));
  Open();
  ASSERT_TRUE(Resolve("small"));
  ASSERT_TRUE(cache_->SetPinned(Repo("small"), true));
  EXPECT_TRUE(IsSoon("small", Stage::kComplete));
}

TEST_F(PinnedTest, AHostThatIsDownIsNotAskedEachSecond) {
  options_.cache.never_evict = {"h/o/a", "h/o/b"};
  transport_.Fail(Error{Errc::kUnreachable, "down"});
  Open();
  EXPECT_TRUE(testing::WaitUntil([&] { return cache_->PinTroubles().size() == 2; }, kSoon));
  const int asked = transport_.list_count();
  // The clock stands still, so what waits waits on, however often the cache looks.
  EXPECT_FALSE(testing::WaitUntil([&] { return transport_.list_count() > asked; },
                                  std::chrono::milliseconds(2'500)));
  EXPECT_EQ(cache_->PinTroubles()[0].error.message, "down");
  transport_.Fail(std::nullopt);
  testing::FillSmall(MakeUpstream("a"));
  testing::FillSmall(MakeUpstream("b"));
  clock_.Advance(std::chrono::minutes(1));
  EXPECT_TRUE(IsSoon("a", Stage::kComplete));
  EXPECT_TRUE(IsSoon("b", Stage::kComplete));
  EXPECT_TRUE(testing::WaitUntil([&] { return cache_->PinTroubles().empty(); }, kSoon));
}

TEST_F(PinnedTest, OneThatDoesNotFitIsRefusedAndLeavesRoomForOthers) {
  testing::FillRandom(MakeUpstream("large"), 3u << 20, 1);
  testing::FillSmall(MakeUpstream("small"));
  options_.cache.quota.bytes = 1u << 20;
  options_.cache.never_evict = {"h/o/large"};
  Open();
  const auto told = [&] {
    const auto troubles = cache_->PinTroubles();
    return troubles.size() == 1 && troubles[0].error.code == Errc::kNoSpace;
  };
  EXPECT_TRUE(testing::WaitUntil(told, kSoon));
  ASSERT_TRUE(Resolve("small"));
  ASSERT_TRUE(cache_->SetPinned(Repo("small"), true));
  EXPECT_TRUE(IsSoon("small", Stage::kComplete));
  EXPECT_TRUE(told());
}

TEST_F(PinnedTest, AnEmptyOneIsAskedForOnce) {
  MakeUpstream("empty");
  options_.cache.never_evict = {"h/o/empty"};
  Open();
  EXPECT_TRUE(testing::WaitUntil([&] { return Repo("empty") && Repo("empty")->refs(); }, kSoon));
  const int asked = transport_.list_count();
  EXPECT_FALSE(testing::WaitUntil([&] { return transport_.list_count() > asked; },
                                  std::chrono::milliseconds(2'500)));
  EXPECT_TRUE(cache_->PinTroubles().empty());
}

TEST_F(PinnedTest, WhenWhatItsRefsLeadToIsGoneTheHostIsAskedWhereTheyLeadNow) {
  testing::FillSmall(MakeUpstream("small"));
  options_.cache.never_evict = {"h/o/small"};
  transport_.HoldFetches([](const FetchRequest&) { return true; });
  Open();
  ASSERT_TRUE(testing::WaitUntil([&] { return !transport_.requests().empty(); }, kSoon));
  const std::string main = Find("small", "main~1").Hex();
  testing::Git(Upstream("small"), {"update-ref", "refs/heads/main", main});
  testing::Git(Upstream("small"), {"reflog", "expire", "--all", "--expire=now"});
  testing::Git(Upstream("small"), {"gc", "-q", "--prune=now"});
  transport_.HoldFetches({});
  EXPECT_TRUE(
      testing::WaitUntil([&] { return Repo("small")->refs()->head().Hex() == main; }, kSoon));
}

}  // namespace
}  // namespace reposfs
