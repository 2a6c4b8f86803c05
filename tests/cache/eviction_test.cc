#include "cache/eviction.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

using std::chrono::seconds;
using Ids = std::vector<std::int64_t>;

constexpr milliseconds kMinResidency = seconds(60);
const WallTime kNow = WallTime(std::chrono::hours(24 * 365 * 50));

// A repository of 10 bytes that was opened `opened_s` seconds ago, and fetched long before.
EvictionCandidate Candidate(std::int64_t id, int opened_s) {
  return EvictionCandidate{id,    10,   kNow - seconds(opened_s), kNow - seconds(1'000'000),
                           false, false};
}

EvictionPlan Plan(std::vector<EvictionCandidate> candidates, std::uint64_t bytes_to_free) {
  return PlanEviction(std::move(candidates), bytes_to_free, kNow, kMinResidency);
}

TEST(PlanEvictionTest, ThoseOpenedLeastRecentlyGoFirst) {
  const EvictionPlan plan = Plan({Candidate(1, 100), Candidate(2, 300), Candidate(3, 200)}, 20);
  EXPECT_EQ(plan.victims, (Ids{2, 3}));
  EXPECT_TRUE(plan.enough);
}

TEST(PlanEvictionTest, NoMoreGoThanNeedTo) {
  EXPECT_EQ(Plan({Candidate(1, 1), Candidate(2, 2)}, 10).victims, (Ids{2}));
  EXPECT_EQ(Plan({Candidate(1, 1), Candidate(2, 2)}, 11).victims, (Ids{2, 1}));
  EXPECT_TRUE(Plan({Candidate(1, 1)}, 0).victims.empty());
  EXPECT_TRUE(Plan({Candidate(1, 1)}, 0).enough);
}

TEST(PlanEvictionTest, APinnedOneIsSkippedNotStoppedAt) {
  EvictionCandidate pinned = Candidate(1, 900);
  pinned.pinned = true;
  const EvictionPlan plan = Plan({pinned, Candidate(2, 300), Candidate(3, 100)}, 20);
  EXPECT_EQ(plan.victims, (Ids{2, 3}));
  EXPECT_TRUE(plan.enough);
}

TEST(PlanEvictionTest, ABusyOneIsSkippedNotStoppedAt) {
  EvictionCandidate busy = Candidate(1, 900);
  busy.busy = true;
  EXPECT_EQ(Plan({busy, Candidate(2, 300)}, 10).victims, (Ids{2}));
}

TEST(PlanEvictionTest, OneWithNothingOnDiskGivesNothing) {
  EvictionCandidate absent = Candidate(1, 900);
  absent.size_bytes = 0;
  EXPECT_EQ(Plan({absent, Candidate(2, 300)}, 10).victims, (Ids{2}));
}

TEST(PlanEvictionTest, OneJustFetchedGoesAfterAllOthers) {
  EvictionCandidate fresh = Candidate(1, 900);
  fresh.last_fetched = kNow - kMinResidency + milliseconds(1);
  EXPECT_EQ(Plan({fresh, Candidate(2, 1)}, 10).victims, (Ids{2}));
  EXPECT_EQ(Plan({fresh, Candidate(2, 1)}, 20).victims, (Ids{2, 1}));
  EvictionCandidate resident = fresh;
  resident.last_fetched = kNow - kMinResidency;
  EXPECT_EQ(Plan({resident, Candidate(2, 1)}, 10).victims, (Ids{1}));
}

TEST(PlanEvictionTest, SaysWhenAllTogetherAreNotEnough) {
  const EvictionPlan plan = Plan({Candidate(1, 1), Candidate(2, 2)}, 21);
  EXPECT_EQ(plan.victims, (Ids{2, 1}));
  EXPECT_FALSE(plan.enough);
  EXPECT_FALSE(Plan({}, 1).enough);
}

TEST(PlanEvictionTest, AmongEqualsTheOlderRepositoryGoes) {
  EXPECT_EQ(Plan({Candidate(7, 5), Candidate(3, 5)}, 10).victims, (Ids{3}));
}

TEST(EffectiveQuotaTest, IsWhatTheConfigurationSays) {
  EXPECT_EQ(EffectiveQuotaBytes(Quota{500, std::nullopt}, 1000, 900, 100), 500u);
  EXPECT_EQ(EffectiveQuotaBytes(Quota{1, 80}, 1000, 900, 100), 800u);
}

TEST(EffectiveQuotaTest, LeavesTheLastFiftiethOfTheFileSystemFree) {
  EXPECT_EQ(EffectiveQuotaBytes(Quota{5000, std::nullopt}, 1000, 900, 100), 980u);
  EXPECT_EQ(EffectiveQuotaBytes(Quota{5000, std::nullopt}, 1000, 100, 200), 280u)
      << "somebody else's 700 bytes are not ours to give";
  EXPECT_EQ(EffectiveQuotaBytes(Quota{5000, 100}, 1000, 10, 5), 0u);
}

}  // namespace
}  // namespace reposfs
