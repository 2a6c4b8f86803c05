#include "ring/hash_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

namespace reposfs {
namespace {

std::vector<Member> Nodes(int count, const std::string& prefix = "node-") {
  std::vector<Member> members;
  for (int number = 1; number <= count; ++number) {
    members.push_back({prefix + std::to_string(number), "http://10.0.0.1"});
  }
  return members;
}

HashRing Ring(std::vector<Member> members, const HashRingOptions& options = {}) {
  auto ring = HashRing::Build(std::move(members), options);
  EXPECT_TRUE(ring);
  return ring ? std::move(ring).value() : HashRing();
}

std::vector<std::string> OwnersOf(const HashRing& ring, std::string_view key) {
  std::vector<std::string> ids;
  for (const MemberIndex owner : ring.OwnersOf(key)) ids.push_back(ring.members()[owner].id);
  return ids;
}

std::string Key(int number) {
  return "github.com/owner-" + std::to_string(number % 97) + "/name-" + std::to_string(number);
}

// How many times its fair share the busiest member has.
double Imbalance(const HashRing& ring) {
  const auto shares = ring.Shares();
  return *std::max_element(shares.begin(), shares.end()) * static_cast<double>(shares.size());
}

// Computed by an implementation of XXH64 and of the ring in another language.
TEST(HashRingTest, PlacesAndOwnersAreTheSameEverywhereForEver) {
  struct Vector {
    const char* key;
    std::uint64_t place;
    std::vector<std::string> owners;
  };
  const HashRing ring =
      Ring({{"node-1", "http://a"}, {"node-2", "http://b"}, {"node-3", "http://c", 3}});
  for (const Vector& vector : std::initializer_list<Vector>{
           {"github.com/git/git", 0x68d5a4c32892ac3e, {"node-1", "node-2"}},
           {"github.com/torvalds/linux", 0x6f261a5e131b9738, {"node-3", "node-2"}},
           {"codeberg.org/forgejo/forgejo", 0x17308df0868fbd2d, {"node-3", "node-2"}},
           {"git.sr.ht/~sircmpwn/hare", 0x0b48fd23901ed528, {"node-1", "node-3"}},
           {"salsa.debian.org/debian/debcargo-conf", 0x2add4fc1eb4645b5, {"node-3", "node-2"}},
           {"gitlab.com/gitlab-org/gitlab", 0xe0c95bf0b80ce1a7, {"node-3", "node-1"}},
           {"invent.kde.org/plasma/kwin", 0x8c3977046ec6a902, {"node-2", "node-1"}},
           {"git.kernel.org/stable/linux", 0x109babd489a2a2b5, {"node-3", "node-1"}}}) {
    EXPECT_EQ(HashRing::PlaceOf(vector.key), vector.place) << vector.key;
    EXPECT_EQ(OwnersOf(ring, vector.key), vector.owners) << vector.key;
  }
}

TEST(HashRingTest, TheCircleClosesAfterTheLastPlace) {
  const HashRing ring =
      Ring({{"node-1", "http://a"}, {"node-2", "http://b"}, {"node-3", "http://c", 3}});
  const auto first = ring.OwnersAt(0);
  const auto last = ring.OwnersAt(18367898857701878717u + 1);  // After node-1's, the highest.
  EXPECT_EQ(first.data(), last.data());
  EXPECT_EQ(ring.members()[ring.OwnersAt(96361988319502563u)[0]].id, "node-1") << "at the place";
}

TEST(HashRingTest, TheOrderOfTheMembersDoesNotMatter) {
  auto members = Nodes(20);
  const HashRing ring = Ring(members);
  std::shuffle(members.begin(), members.end(), std::minstd_rand(1));
  const HashRing shuffled = Ring(members);
  for (int number = 0; number < 1000; ++number) {
    EXPECT_EQ(OwnersOf(ring, Key(number)), OwnersOf(shuffled, Key(number)));
  }
}

// The plain definition, beside tables and precomputed owners.
TEST(HashRingTest, OwnersAreTheNextDistinctMembersRoundTheCircle) {
  auto members = Nodes(7);
  members[2].weight = 30;  // Long runs of one member.
  const HashRing ring = Ring(members, {.virtual_nodes = 5, .replication_count = 4});
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t place = random();
    std::vector<MemberIndex> expected;
    std::uint64_t at = place;
    while (expected.size() < 4) {
      const MemberIndex owner = ring.OwnersAt(at)[0];
      if (std::find(expected.begin(), expected.end(), owner) == expected.end()) {
        expected.push_back(owner);
      }
      // Halves the way to the next place until it is found.
      std::uint64_t low = 0;
      std::uint64_t high = std::uint64_t{1} << 62;
      const auto* here = ring.OwnersAt(at).data();
      while (ring.OwnersAt(at + high).data() == here) high *= 2;
      while (high - low > 1) {
        const std::uint64_t middle = low + (high - low) / 2;
        (ring.OwnersAt(at + middle).data() == here ? low : high) = middle;
      }
      at += high;
    }
    const auto owners = ring.OwnersAt(place);
    ASSERT_TRUE(std::equal(owners.begin(), owners.end(), expected.begin(), expected.end()));
  }
}

TEST(HashRingTest, AKeyHasNoMoreOwnersThanThereAreMembers) {
  EXPECT_TRUE(Ring({}).OwnersOf("a/b/c").empty());
  EXPECT_TRUE(HashRing().OwnersOf("a/b/c").empty());
  EXPECT_EQ(Ring(Nodes(1)).OwnersOf("a/b/c").size(), 1u);
  EXPECT_EQ(Ring(Nodes(1), {.virtual_nodes = 1}).OwnersOf("a/b/c").size(), 1u);
  const HashRing ring = Ring(Nodes(3), {.replication_count = 16});
  const auto owners = OwnersOf(ring, "a/b/c");
  EXPECT_EQ(std::set<std::string>(owners.begin(), owners.end()).size(), 3u);
}

TEST(HashRingTest, TenMembersAreBalanced) {
  double sum = 0;
  double worst = 0;
  constexpr int kSeeds = 200;
  for (int seed = 0; seed < kSeeds; ++seed) {
    const double imbalance = Imbalance(Ring(Nodes(10, "seed-" + std::to_string(seed) + "-node-")));
    sum += imbalance;
    worst = std::max(worst, imbalance);
  }
  EXPECT_NEAR(sum / kSeeds, 1.16, 0.02);
  EXPECT_LE(worst, 1.4);
  RecordProperty("worst", std::to_string(worst));
}

TEST(HashRingTest, SharesAddUpAndFollowWeights) {
  auto members = Nodes(4);
  members[1].weight = 5;
  const auto shares = Ring(members, {.virtual_nodes = 1000}).Shares();
  EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), 1.0, 1e-9);
  EXPECT_NEAR(shares[1], 5.0 / 8, 0.03);
  EXPECT_EQ(Ring(Nodes(1), {.virtual_nodes = 1}).Shares(), std::vector<double>{1});
}

TEST(HashRingTest, WhoJoinsTakesItsShareAndMovesNothingElse) {
  constexpr int kKeys = 20'000;
  double moved_of_all = 0;
  for (const int count : {1, 4, 10, 50}) {
    const HashRing before = Ring(Nodes(count));
    auto members = Nodes(count);
    members.push_back({"newcomer", "http://n"});
    const HashRing after = Ring(members);
    int moved = 0;
    for (int number = 0; number < kKeys; ++number) {
      const auto was = OwnersOf(before, Key(number));
      const auto is = OwnersOf(after, Key(number));
      if (was[0] != is[0]) {
        ++moved;
        ASSERT_EQ(is[0], "newcomer");
      }
      // The second owner, too, changes only for the newcomer's sake.
      for (const std::string& owner : is) {
        ASSERT_TRUE(owner == "newcomer" || std::count(was.begin(), was.end(), owner) == 1);
      }
    }
    const double fair = 1.0 / (count + 1);
    EXPECT_NEAR(moved / static_cast<double>(kKeys), fair, fair * 0.25) << count;
    moved_of_all += moved;
  }
  EXPECT_GT(moved_of_all, 0);
}

TEST(HashRingTest, WhoLeavesMovesItsOwnKeysToTheirNextOwner) {
  const HashRing before = Ring(Nodes(10));
  const HashRing after = Ring(Nodes(9));  // Without node-10.
  int moved = 0;
  for (int number = 0; number < 20'000; ++number) {
    const auto was = OwnersOf(before, Key(number));
    const auto is = OwnersOf(after, Key(number));
    if (was[0] == "node-10") {
      ++moved;
      ASSERT_EQ(is[0], was[1]) << "the second owner, which has it already";
    } else {
      ASSERT_EQ(is[0], was[0]);
    }
  }
  EXPECT_NEAR(moved / 20'000.0, 0.1, 0.03);
}

TEST(HashRingTest, BadMembersAndTooManyPlacesAreRefused) {
  const auto refused = [](std::vector<Member> members) {
    return !HashRing::Build(std::move(members), {}).has_value();
  };
  EXPECT_TRUE(refused({{"a", "http://a"}, {"a", "http://b"}}));
  EXPECT_TRUE(refused({{"a b", "http://a"}}));
  EXPECT_TRUE(refused(Nodes(1025)));
  auto heavy = Nodes(20);
  for (Member& member : heavy) member.weight = 1000;
  EXPECT_TRUE(refused(heavy)) << "2,000,000 places";
}

}  // namespace
}  // namespace reposfs
