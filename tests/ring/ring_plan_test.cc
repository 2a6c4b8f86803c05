#include "ring/ring_plan.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace reposfs {
namespace {

// Keys of a ring of "a", "b" and "c" with two owners, as "a" sees it.
class RingPlanTest : public ::testing::Test {
 protected:
  RingPlanTest() : view_(ViewOf({"a", "b", "c"})) {}

  static RingView ViewOf(const std::vector<std::string>& ids) {
    std::vector<Member> members;
    for (const std::string& id : ids) members.push_back(Member{id, "http://127.0.0.1:1"});
    auto ring = HashRing::Build(members, {});
    EXPECT_TRUE(ring) << ring.error().message;
    auto shared = std::make_shared<const HashRing>(std::move(*ring));
    std::vector<RingNode> nodes;
    for (const Member& member : shared->members())
      nodes.push_back(RingNode{member, {}, {}, {}, {}});
    return RingView(shared, nodes, "a", "");
  }

  // The n-th key that "a" owns, or does not.
  std::string Key(bool mine, int n = 0) const {
    for (int i = 0; i < 10'000; ++i) {
      std::string key = "h/o/" + std::to_string(i);
      if (view_.OwnsItself(key) == mine && n-- == 0) return key;
    }
    return "";
  }
  static Holding At(int stage, const std::string& head = "1", std::int64_t checked = 10,
                    std::int64_t opened = 0) {
    return Holding{stage, head, FromMs(checked), FromMs(opened), 100};
  }
  std::vector<std::string> Copies(const Holdings& mine, const PeerHoldings& peers) const {
    std::vector<std::string> keys;
    for (const RingCopy& copy : MakeRingPlan(view_, mine, peers, {}).copies) {
      keys.push_back(copy.key);
    }
    return keys;
  }
  bool Releases(const Holding& mine, const PeerHoldings& peers) const {
    const std::string key = Key(false);
    return !MakeRingPlan(view_, {{key, mine}}, peers, {key}).releases.empty();
  }

  const RingView view_;
};

using Keys = std::vector<std::string>;

TEST_F(RingPlanTest, AnOwnerWantsWhatAnybodyHas) {
  const std::string mine = Key(true);
  const PeerHoldings peers = {{"b", {{mine, At(1)}, {Key(false), At(3)}}}, {"c", {{mine, At(2)}}}};
  const RingPlan plan = MakeRingPlan(view_, {}, peers, {});
  ASSERT_EQ(plan.copies.size(), 1u);
  EXPECT_EQ(plan.copies[0].key, mine);
  EXPECT_EQ(plan.copies[0].stage, 2);
  EXPECT_EQ(plan.copies[0].size_bytes, 100u);
  EXPECT_FALSE(plan.copies[0].is_here);
}

TEST_F(RingPlanTest, WhoHasAsMuchWantsNothing) {
  const std::string key = Key(true);
  EXPECT_EQ(Copies({{key, At(2)}}, {{"b", {{key, At(2)}}}}), Keys{});
  EXPECT_EQ(Copies({{key, At(3)}}, {{"b", {{key, At(2, "2", 99)}}}}), Keys{});
  EXPECT_EQ(Copies({{key, At(1)}}, {{"b", {{key, At(2)}}}}), Keys{key});
}

TEST_F(RingPlanTest, ANewerHeadIsWantedAndAnOlderOneIsNot) {
  const std::string key = Key(true);
  EXPECT_EQ(Copies({{key, At(2, "1", 10)}}, {{"b", {{key, At(2, "2", 11)}}}}), Keys{key});
  EXPECT_EQ(Copies({{key, At(2, "1", 10)}}, {{"b", {{key, At(2, "2", 9)}}}}), Keys{});
  EXPECT_EQ(Copies({{key, At(2, "1", 10)}}, {{"b", {{key, At(2, "1", 11)}}}}), Keys{})
      << "that it was checked later is no news";
}

TEST_F(RingPlanTest, WhatWasOpenedLastComesFirst) {
  const Keys keys = {Key(true, 0), Key(true, 1), Key(true, 2)};
  const Holdings theirs = {{keys[0], At(1, "1", 10, 20)}, {keys[1], At(1, "1", 10, 30)}};
  const Holdings others = {{keys[0], At(1, "1", 10, 40)}, {keys[2], At(1, "1", 10, 10)}};
  EXPECT_EQ(Copies({}, {{"b", theirs}, {"c", others}}), (Keys{keys[0], keys[1], keys[2]}));
}

TEST_F(RingPlanTest, NothingGoesBeforeEveryOwnerHasIt) {
  const std::string key = Key(false);
  const Holding mine = At(2, "1", 10);
  EXPECT_FALSE(Releases(mine, {}));
  EXPECT_FALSE(Releases(mine, {{"b", {{key, At(2)}}}}));
  EXPECT_FALSE(Releases(mine, {{"b", {{key, At(2)}}}, {"c", {}}}));
  EXPECT_FALSE(Releases(mine, {{"b", {{key, At(2)}}}, {"c", {{key, At(1)}}}}));
  EXPECT_FALSE(Releases(mine, {{"b", {{key, At(2)}}}, {"c", {{key, At(2, "0", 9)}}}}))
      << "an old copy is not all";
  EXPECT_TRUE(Releases(mine, {{"b", {{key, At(2)}}}, {"c", {{key, At(3, "2", 11)}}}}));
}

TEST_F(RingPlanTest, WhatIsNotLeavingStays) {
  const std::string other = Key(false);
  const std::string mine = Key(true);
  const PeerHoldings peers = {{"b", {{other, At(2)}, {mine, At(2)}}},
                              {"c", {{other, At(2)}, {mine, At(2)}}}};
  const Holdings here = {{other, At(2)}, {mine, At(2)}};
  EXPECT_TRUE(MakeRingPlan(view_, here, peers, {}).releases.empty());
  EXPECT_TRUE(MakeRingPlan(view_, here, peers, {mine}).releases.empty()) << "it came back";
  EXPECT_EQ(MakeRingPlan(view_, here, peers, {other}).releases.size(), 1u);
}

}  // namespace
}  // namespace reposfs
