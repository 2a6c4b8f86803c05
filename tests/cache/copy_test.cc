// Copies of what other machines have: everything comes at once.

#include "tests/cache/cache_test.h"

namespace reposfs {
namespace {

bool BringsEverything(const FetchRequest& request) {
  return !request.without_blobs && request.ignore_local && request.depth == FetchDepth::kAsIs;
}

class CopyTest : public CacheTest {
 protected:
  CopyTest() {
    testing::FillSmall(MakeUpstream("small"));
    Open();
  }

  FlightPtr StartCopy() { return cache_->Copy(Key("small"), Stage::kComplete, clock_.Now()); }

  std::ptrdiff_t CountOf(bool (*kind)(const FetchRequest&)) const {
    const auto requests = transport_.requests();
    return std::count_if(requests.begin(), requests.end(), kind);
  }

  // Everything that git finds below the refs of the host is in the store, and nothing is shallow.
  void ExpectWhole() {
    EXPECT_EQ(Repo("small")->stage(), Stage::kComplete);
    EXPECT_TRUE(Repo("small")->directory().Shallow().empty());
    EXPECT_EQ(Repo("small")->objects().Missing(ObjectsBelowRefs(Upstream("small"))),
              std::vector<Oid>());
    EXPECT_TRUE(ReadFileOf("small", "README.md"));
  }
};

TEST_F(CopyTest, TakesOneTransferAfterTheTip) {
  const Status copied = StartCopy()->Wait();
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_TRUE(IsQuietSoon());
  EXPECT_EQ(transport_.requests().size(), 2u);
  EXPECT_EQ(CountOf(BringsEverything), 1);
  EXPECT_EQ(Repo("small")->StageOf(Find("small", "main")), Stage::kContent);
  EXPECT_EQ(Repo("small")->directory().PackStems().size(), 1u) << "it replaces the tip's";
  ExpectWhole();
}

TEST_F(CopyTest, AViewThatComesMeanwhileLosesNothing) {
  transport_.HoldFetches(BringsEverything);
  const FlightPtr copy = StartCopy();
  ASSERT_TRUE(testing::WaitUntil([&] { return CountOf(BringsEverything) == 1; }, kSoon));
  const auto old = Resolve("small", "old");
  ASSERT_TRUE(old);
  ASSERT_TRUE(Await([&] { return cache_->NeedTip(*old); }));
  transport_.HoldFetches({});
  const Status copied = copy->Wait();
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_TRUE(IsQuietSoon());
  EXPECT_TRUE(ReadFileOf(*old, "README.md"));
  ExpectWhole();
}

TEST_F(CopyTest, ACommitThatNoRefLeadsToComesByItself) {
  transport_.HoldFetches([](const FetchRequest& request) { return !request.without_blobs; });
  ASSERT_TRUE(Warm("small", Stage::kTip));
  const Oid gone = Find("small", "main");
  testing::Git(Upstream("small"), {"update-ref", "refs/heads/main", "main~1"});
  ASSERT_TRUE(cache_->Refresh(Repo("small"))->Wait());
  transport_.HoldFetches({});
  const Status copied = StartCopy()->Wait();
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_TRUE(IsQuietSoon());
  EXPECT_EQ(Repo("small")->StageOf(gone), Stage::kContent);
  ExpectWhole();
}

TEST_F(CopyTest, AnotherViewGetsItsFilesWhileTheCopyTakesItsTime) {
  transport_.HoldFetches(BringsEverything);
  const FlightPtr copy = StartCopy();
  ASSERT_TRUE(testing::WaitUntil([&] { return CountOf(BringsEverything) == 1; }, kSoon));
  const auto old = Resolve("small", "old");
  ASSERT_TRUE(old);
  ASSERT_TRUE(Await([&] { return cache_->ReadCommit(*old); }));
  const auto has_files = [&] { return Repo("small")->StageOf(old->ref.commit) == Stage::kContent; };
  EXPECT_TRUE(testing::WaitUntil(has_files, kSoon));
  transport_.HoldFetches({});
  EXPECT_TRUE(copy->Wait());
}

TEST_F(CopyTest, WhenItFailsTheFilesOfTheTipComeAllTheSame) {
  transport_.HoldFetches(BringsEverything);
  const FlightPtr copy = StartCopy();
  ASSERT_TRUE(testing::WaitUntil([&] { return CountOf(BringsEverything) == 1; }, kSoon));
  transport_.EndHeldFetches(Error{Errc::kCorrupt, "garbage came"});
  ASSERT_FALSE(copy->Wait());
  const Oid tip = Find("small", "main");
  EXPECT_TRUE(
      testing::WaitUntil([&] { return Repo("small")->StageOf(tip) == Stage::kContent; }, kSoon));
}

}  // namespace
}  // namespace reposfs
