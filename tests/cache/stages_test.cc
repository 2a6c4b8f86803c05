#include "tests/cache/cache_test.h"

namespace reposfs {
namespace {

bool BringsBlobsUnasked(const FetchRequest& request) {
  return !request.without_blobs;
}

class StagesTest : public CacheTest {
 protected:
  StagesTest() {
    testing::FillSmall(MakeUpstream("small"));
    Open();
  }
};

TEST_F(StagesTest, FirstAccessBringsTheTipWithoutBlobsOrHistory) {
  transport_.HoldFetches(BringsBlobsUnasked);
  const auto target = Resolve("small");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->ref.commit, Find("small", "main"));
  EXPECT_EQ(target->ref.full_name, "refs/heads/main");
  ASSERT_TRUE(Await([&] { return cache_->NeedTip(*target); }));
  EXPECT_EQ(Repo("small")->stage(), Stage::kTip);
  EXPECT_EQ(Repo("small")->directory().Shallow(), std::set<Oid>{Find("small", "main")});
  const FetchRequest first = transport_.requests().at(0);
  EXPECT_EQ(first.depth, FetchDepth::kCommitOnly);
  EXPECT_TRUE(first.without_blobs);
  EXPECT_FALSE(Repo("small")->objects().Contains(Find("small", "main:README.md")));
}

TEST_F(StagesTest, TheRootIsReadBeforeTheRestOfTheTip) {
  if (TestsGitCommand()) GTEST_SKIP() << "git tells of nothing before the end of a pack";
  transport_.HoldAfterTree(true);
  const auto target = Resolve("small");
  const auto commit = Await([&] { return cache_->ReadCommit(*target); });
  ASSERT_TRUE(commit) << commit.error().message;
  auto root = cache_->ReadDirectory(*target, commit->tree, Sizes::kNotNeeded);
  ASSERT_TRUE(root.has_value());
  EXPECT_NE(root.value()->Find("README.md"), nullptr);
  EXPECT_FALSE(root.value()->has_sizes());
  EXPECT_EQ(Repo("small")->stage(), Stage::kAbsent);
  const Oid source = Find("small", "main:src");
  EXPECT_TRUE(cache_->ReadDirectory(*target, source, Sizes::kNotNeeded).waits());
  EXPECT_TRUE(cache_->ReadDirectory(*target, commit->tree, Sizes::kNeeded).waits());
  transport_.HoldAfterTree(false);
  EXPECT_TRUE(Await([&] { return cache_->ReadDirectory(*target, source, Sizes::kNotNeeded); }));
  const auto content = ReadFileOf(*target, "README.md");
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_TRUE(content->ends_with("hello\n"));
}

TEST_F(StagesTest, ATagLeadsToARootBeforeTheRestOfTheTip) {
  if (TestsGitCommand()) GTEST_SKIP() << "git tells of nothing before the end of a pack";
  transport_.HoldAfterTree(true);
  const auto target = Resolve("small", "v1.0");
  ASSERT_TRUE(target);
  ASSERT_NE(target->ref.object, target->ref.commit) << "it is annotated";
  EXPECT_TRUE(Await([&] { return cache_->ReadCommit(*target); }));
  EXPECT_EQ(Repo("small")->stage(), Stage::kAbsent);
}

TEST_F(StagesTest, AFileAskedForEarlyComesWithItsDirectoryInOneRequest) {
  transport_.HoldFetches(BringsBlobsUnasked);
  const auto content = ReadFileOf("small", "README.md");
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_TRUE(content->ends_with("hello\n"));
  int single_fetches = 0;
  for (const FetchRequest& request : transport_.requests()) {
    if (request.without_blobs && request.depth == FetchDepth::kAsIs) ++single_fetches;
  }
  EXPECT_EQ(single_fetches, 1);
  EXPECT_EQ(Repo("small")->stage(), Stage::kTip);
}

TEST_F(StagesTest, SizesBringTheirDirectory) {
  transport_.HoldFetches(BringsBlobsUnasked);
  const auto target = Resolve("small");
  const auto commit = Await([&] { return cache_->ReadCommit(*target); });
  ASSERT_TRUE(commit);
  const auto plain =
      Await([&] { return cache_->ReadDirectory(*target, commit->tree, Sizes::kIfHere); });
  ASSERT_TRUE(plain);
  EXPECT_FALSE((*plain)->has_sizes());
  const auto sized =
      Await([&] { return cache_->ReadDirectory(*target, commit->tree, Sizes::kNeeded); });
  ASSERT_TRUE(sized) << sized.error().message;
  ASSERT_TRUE((*sized)->has_sizes());
  const TreeEntry* readme = (*sized)->Find("README.md");
  ASSERT_NE(readme, nullptr);
  EXPECT_EQ(std::to_string(
                (*sized)->sizes_bytes[static_cast<std::size_t>(readme - (*sized)->entries.data())]),
            testing::Git(Upstream("small"), {"cat-file", "-s", "main:README.md"}));
}

TEST_F(StagesTest, EverythingComesByItselfInTheBackground) {
  ASSERT_TRUE(Warm("small", Stage::kTip));
  EXPECT_TRUE(
      testing::WaitUntil([&] { return Repo("small")->stage() == Stage::kComplete; }, kSoon));
  EXPECT_TRUE(IsQuietSoon());
  EXPECT_TRUE(Repo("small")->directory().Shallow().empty());
  EXPECT_TRUE(std::filesystem::exists(Repo("small")->directory().commit_graph()));
  EXPECT_EQ(Repo("small")->directory().PackFiles().size() / 2, 1u) << "one consolidated pack";
  EXPECT_TRUE(Repo("small")->objects().Contains(Find("small", "old")));
  EXPECT_TRUE(Repo("small")->objects().Contains(Find("small", "v1.0")));
  EXPECT_TRUE(testing::List(options_.cache.directory / "tmp").empty());
}

TEST_F(StagesTest, WithoutHistoryItEndsWithTheContent) {
  Close();
  options_.history.policy = HistoryPolicy::kNone;
  Open();
  ASSERT_TRUE(Warm("small", Stage::kContent));
  EXPECT_TRUE(IsQuietSoon());
  EXPECT_EQ(Repo("small")->stage(), Stage::kContent);
  EXPECT_FALSE(Repo("small")->directory().Shallow().empty());
  EXPECT_TRUE(ReadFileOf("small", "README.md"));
}

TEST_F(StagesTest, AServerWithoutFiltersSendsTheContentAtOnce) {
  testing::Git(Upstream("small"), {"config", "uploadpack.allowFilter", "false"});
  ASSERT_TRUE(Warm("small", Stage::kTip));
  EXPECT_TRUE(ReadFileOf("small", "README.md"));
  EXPECT_TRUE(Warm("small", Stage::kComplete));
}

TEST_F(StagesTest, AnEmptyRepositoryHasNothingToBring) {
  MakeUpstream("empty");
  const auto target = Resolve("empty");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_TRUE(target->ref.commit.IsNull());
  EXPECT_TRUE(Warm("empty", Stage::kComplete));
  EXPECT_TRUE(transport_.requests().empty());
}

TEST_F(StagesTest, SeveralViewsFetchedAtTheSameTimeAreAllShallow) {
  Close();
  options_.history.policy = HistoryPolicy::kNone;
  constexpr int kCommits = 8;
  testing::FillHistory(MakeUpstream("history"), {kCommits, 5, 100});
  for (int i = 0; i < kCommits; ++i) {
    testing::Git(Upstream("history"),
                 {"tag", "t" + std::to_string(i), "main~" + std::to_string(i)});
  }
  Open();
  transport_.HoldFetches(BringsBlobsUnasked);
  transport_.Rendezvous(kCommits);
  ASSERT_TRUE(Resolve("history"));
  std::vector<FlightPtr> flights;
  std::vector<Target> targets;
  std::set<Oid> commits;
  for (int i = 0; i < kCommits; ++i) {
    const auto target = Resolve("history", "t" + std::to_string(i));
    ASSERT_TRUE(target);
    commits.insert(target->ref.commit);
    const auto outcome = cache_->NeedTip(*target);
    ASSERT_TRUE(outcome.waits());
    flights.push_back(outcome.flight());
  }
  for (const FlightPtr& flight : flights) {
    const Status landed = flight->Wait();
    EXPECT_TRUE(landed) << landed.error().message;
  }
  EXPECT_EQ(Repo("history")->directory().Shallow(), commits);
}

TEST_F(StagesTest, AFailedTipLeavesWhatIsHereAlone) {
  ASSERT_TRUE(Warm("small", Stage::kContent));
  ASSERT_TRUE(IsQuietSoon());
  const std::uint64_t generation = Repo("small")->generation();
  transport_.Fail(Error{Errc::kCorrupt, "garbage came"});
  ASSERT_FALSE(Resolve("small", std::string(40, '1')));
  EXPECT_EQ(Repo("small")->generation(), generation) << "`.git` would be made anew for nothing";
}

TEST_F(StagesTest, WhatCanNotBeTidiedUpHidesNoFailure) {
  const auto target = Resolve("small");
  ASSERT_TRUE(target);
  // Nobody can have the lock that is needed to tidy up.
  const auto lock = directory_ / "cache/locks" / std::to_string(target->repository->id());
  std::filesystem::remove(lock);
  std::filesystem::create_directories(lock);
  transport_.Fail(Error{Errc::kCorrupt, "garbage came"});
  const auto commit = Await([&] { return cache_->ReadCommit(*target); });
  ASSERT_FALSE(commit);
  EXPECT_EQ(commit.error().message, "garbage came");
}

}  // namespace
}  // namespace reposfs
