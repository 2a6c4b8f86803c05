#include "cache/connectivity.h"

#include <gtest/gtest.h>

#include <optional>

#include "cache/staging.h"
#include "tests/cache/packed_repository.h"
#include "tests/support/files.h"

namespace reposfs {
namespace {

using testing::File;

// Two commits upstream, a store, and a transfer into it whose pack is made with git.
class ConnectivityTest : public ::testing::Test {
 protected:
  ConnectivityTest() : git_(directory_ / "git"), store_(directory_ / "store") {
    git_.Commit("one", {File("a", "1"), File("d/b", "only in the first")});
    git_.Commit("two", {File("a", "2"), File("d/b", "only in the second")});
    EXPECT_TRUE(store_.Create());
  }

  void Begin(const std::vector<Oid>& haves) {
    auto staging = Staging::Create(directory_ / "staging", store_, haves);
    ASSERT_TRUE(staging);
    staging_.emplace(std::move(*staging));
  }

  // What `revisions` name, but for `left_out`, arrives.
  void Receive(const std::string& revisions, const std::string& left_out) {
    const auto packed = testing::Sh("git -C '" + git_.path().string() + "' rev-list --objects " +
                                    revisions + " | grep -v '^" + git_.Find(left_out).Hex() +
                                    "' | git -C '" + git_.path().string() + "' pack-objects -q '" +
                                    (staging_->path() / "objects/pack/pack").string() + "'");
    ASSERT_TRUE(packed.ok()) << packed;
  }

  Status Check(StoreIs store) const {
    return CheckConnectivity(staging_->path(), {git_.Find("main")}, store, {}, {});
  }

  testing::TempDir directory_{"connectivity"};
  PackedRepository git_;
  const StoreDirectory store_;
  std::optional<Staging> staging_;
};

TEST_F(ConnectivityTest, AWholeTransferIsConnected) {
  Begin({});
  git_.Pack(staging_->path() / "objects/pack", "main");
  const auto checked = Check(StoreIs::kWhole);
  EXPECT_TRUE(checked) << checked.error().message;
}

TEST_F(ConnectivityTest, EachKindOfObjectThatIsLeftOutIsMissed) {
  for (const char* left_out : {"main~:d/b", "main:d", "main~"}) {
    Begin({});
    Receive("main", left_out);
    const auto checked = Check(StoreIs::kWhole);
    ASSERT_FALSE(checked) << left_out;
    EXPECT_EQ(checked.error().code, Errc::kCorrupt) << checked.error().message;
    staging_.reset();
  }
}

TEST_F(ConnectivityTest, WhatTheStoreHasNeedNotCome) {
  git_.Pack(store_.packs(), "main~");
  Begin({git_.Find("main~")});
  git_.Pack(staging_->path() / "objects/pack", "main ^main~");
  const auto checked = Check(StoreIs::kWhole);
  EXPECT_TRUE(checked) << checked.error().message;
}

TEST_F(ConnectivityTest, BehindACommitThatWasShallowTheWalkGoesOn) {
  git_.Pack(store_.packs(), "main ^main~");
  const Oid shallow = git_.Find("main");
  Begin({shallow});
  Receive("main~", "main~:d/b");
  const auto checked = Check(StoreIs::kShallow);
  ASSERT_FALSE(checked) << "the history lacks a blob";
  EXPECT_EQ(checked.error().code, Errc::kCorrupt) << checked.error().message;
}

// --- What a transfer of commits alone says of what lies behind them ---

class ShallowTest : public ConnectivityTest {
 protected:
  // `came` (as for `git rev-list`) has come for `want`, and of `shallow` it is said that they have
  // no parents.
  Errc Check(const std::string& want, const std::string& came, const std::set<Oid>& shallow) {
    Begin({});
    git_.Pack(staging_->path() / "objects/pack", came);
    testing::WriteFile(staging_->path() / "shallow", SerializeShallow(shallow));
    const ObjectStore store(store_.objects());
    const auto checked = CheckShallow(*staging_, store, {git_.Find(want)}, {});
    staging_.reset();
    return checked ? kFine : checked.error().code;
  }

  static constexpr Errc kFine = Errc::kInterrupted;
  const Oid one_ = git_.Find("main~");
  const Oid two_ = git_.Find("main");
};

TEST_F(ShallowTest, ACommitWithoutItsParentsMustBeCalledShallow) {
  EXPECT_EQ(Check("main", "main ^main~", {two_}), kFine);
  EXPECT_EQ(Check("main", "main ^main~", {}), Errc::kCorrupt);
  EXPECT_EQ(Check("main~", "main~", {}), kFine) << "the first of all has none";
}

TEST_F(ShallowTest, WhereItsParentsAreHereItNeedNotBe) {
  EXPECT_EQ(Check("main", "main", {}), kFine) << "they came with it";
  git_.Pack(store_.packs(), "main~");
  EXPECT_EQ(Check("main", "main ^main~", {}), kFine) << "they were here";
}

TEST_F(ShallowTest, WhatCameWithItNeedsItsParentsToo) {
  const Oid three = git_.Commit("three", {File("a", "3")});
  EXPECT_EQ(Check("main", "main ^main~2", {}), Errc::kCorrupt);
  EXPECT_EQ(Check("main", "main", {}), kFine);
  EXPECT_EQ(Check("main", "main ^main~", {three}), kFine);
}

TEST_F(ShallowTest, WhatWasNotWantedIsNotCalledShallow) {
  const Oid invented = OidOf(std::string(40, '1'));
  EXPECT_EQ(Check("main", "main ^main~", {two_, invented}), Errc::kCorrupt);
  EXPECT_EQ(Check("main", "main", {one_}), Errc::kCorrupt) << "it came, but nobody asked for it";
}

TEST_F(ShallowTest, ATagStandsForItsCommit) {
  testing::Git(git_.path(), {"tag", "-a", "-m", "v", "v1", "main"});
  EXPECT_EQ(Check("v1", "v1 ^main~", {two_}), kFine);
  EXPECT_EQ(Check("v1", "v1 ^main~", {}), Errc::kCorrupt);
}

}  // namespace
}  // namespace reposfs
