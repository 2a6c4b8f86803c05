#include <atomic>
#include <thread>

#include "tests/cache/cache_test.h"

namespace reposfs {
namespace {

class ResolveCacheTest : public CacheTest {
 protected:
  ResolveCacheTest() { testing::FillSmall(MakeUpstream("small")); }
};

TEST_F(ResolveCacheTest, ConcurrentQuestionsAreOneExchange) {
  Open();
  transport_.HoldLists(true);
  std::vector<std::thread> threads;
  std::atomic<int> waiting{0};
  std::atomic<int> resolved{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto outcome = cache_->Resolve(Key("small"), "", Staleness::kAsConfigured);
      if (outcome.waits()) ++waiting;
      if (outcome.waits() && outcome.flight()->Wait() && Resolve("small")) ++resolved;
    });
  }
  EXPECT_TRUE(testing::WaitUntil([&] { return waiting == 8; }, kSoon));
  transport_.HoldLists(false);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(resolved, 8);
  EXPECT_EQ(transport_.list_count(), 1);
}

TEST_F(ResolveCacheTest, AHostThatIsNotConfiguredIsNotAsked) {
  Open();
  const auto outcome =
      cache_->Resolve(RepositoryKey{"elsewhere", "o", "n"}, "", Staleness::kAsConfigured);
  ASSERT_FALSE(outcome.waits());
  EXPECT_EQ(outcome.result().error().code, Errc::kNotFound);
  EXPECT_EQ(transport_.list_count(), 0);
}

TEST_F(ResolveCacheTest, ThatThereIsNoSuchRepositoryIsRememberedAndLeavesNoTrace) {
  Open();
  for (int i = 0; i < 5; ++i) {
    const auto target = Resolve("none");
    ASSERT_FALSE(target);
    EXPECT_EQ(target.error().code, Errc::kNotFound) << target.error().message;
  }
  EXPECT_EQ(transport_.list_count(), 1);
  EXPECT_TRUE(cache_->Repositories().empty());
}

TEST_F(ResolveCacheTest, ThatThereIsNoSuchRefIsRemembered) {
  Open();
  for (int i = 0; i < 5; ++i) {
    const auto target = Resolve("small", "no-such-branch");
    ASSERT_FALSE(target);
    EXPECT_EQ(target.error().code, Errc::kNotFound);
  }
  EXPECT_EQ(transport_.list_count(), 1);
}

TEST_F(ResolveCacheTest, ARefThatAppearsIsFoundWithoutWaitingForTheMaximumAge) {
  Open();
  ASSERT_TRUE(Resolve("small"));
  testing::Git(Upstream("small"), {"branch", "fresh", "main"});
  clock_.Advance(std::chrono::seconds(6));
  const auto target = Resolve("small", "fresh");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->ref.full_name, "refs/heads/fresh");
}

TEST_F(ResolveCacheTest, BranchesTagsAndCommitsAreFound) {
  Open();
  EXPECT_EQ(CommitOf("small", "topic/one"), Find("small", "topic/one"));
  EXPECT_EQ(CommitOf("small", "v1.0"), Find("small", "v1.0^{commit}"));
  const std::string main = Find("small", "main").Hex();
  EXPECT_EQ(CommitOf("small", main.substr(0, 8)).Hex(), main);
  const auto inner = Resolve("small", Find("small", "main~1").Hex());
  ASSERT_TRUE(inner) << inner.error().message;
  EXPECT_EQ(inner->ref.commit, Find("small", "main~1"));
  const auto abbreviated = Resolve("small", Find("small", "main~1").Hex().substr(0, 10));
  ASSERT_TRUE(abbreviated) << abbreviated.error().message;
  EXPECT_EQ(abbreviated->ref.commit, Find("small", "main~1"));
}

TEST_F(ResolveCacheTest, WithTheHostDownWhatIsNotCachedIsUnreachableTheRestIsServed) {
  testing::FillWith(MakeUpstream("other"), "other\n");
  Open();
  ASSERT_TRUE(Warm("small", Stage::kContent));
  ASSERT_TRUE(IsQuietSoon());
  transport_.Fail(Error{Errc::kUnreachable, "the host is down"});
  clock_.Advance(std::chrono::minutes(10));
  EXPECT_EQ(Resolve("other").error().code, Errc::kUnreachable);
  EXPECT_TRUE(ReadFileOf("small", "README.md"));
  transport_.Fail(std::nullopt);
  EXPECT_TRUE(Warm("other", Stage::kContent));
}

TEST_F(ResolveCacheTest, InTheBackgroundTheOldCommitIsServedWhileTheCheckRuns) {
  Open();
  ASSERT_TRUE(Warm("small", Stage::kComplete));
  ASSERT_TRUE(IsQuietSoon());
  const Oid before = Find("small", "main");
  const Oid after = OidOf(testing::AddCommit(Upstream("small"), "main", "news\n"));
  clock_.Advance(options_.freshness.max_age + milliseconds(1));
  transport_.HoldLists(true);
  EXPECT_EQ(CommitOf("small"), before);
  transport_.HoldLists(false);
  EXPECT_TRUE(testing::WaitUntil([&] { return CommitOf("small") == after; }, kSoon));
  EXPECT_EQ(*ReadFileOf("small", "file"), "news\n");
}

TEST_F(ResolveCacheTest, InStrictModeNobodySeesAnOldCommit) {
  options_.freshness.mode = FreshnessMode::kStrict;
  Open();
  ASSERT_TRUE(Warm("small", Stage::kComplete));
  const Oid after = OidOf(testing::AddCommit(Upstream("small"), "main", "news\n"));
  clock_.Advance(options_.freshness.max_age + milliseconds(1));
  EXPECT_EQ(CommitOf("small"), after);
  EXPECT_EQ(cache_->Resolve(Key("small"), "", Staleness::kAccepted).value().ref.commit, after);
}

TEST_F(ResolveCacheTest, AViewOfAnOldCommitStaysReadableAfterTheBranchHasMoved) {
  options_.freshness.mode = FreshnessMode::kStrict;
  Open();
  const auto old = Resolve("small");
  ASSERT_TRUE(Warm("small", Stage::kComplete));
  testing::AddCommit(Upstream("small"), "main", "news\n");
  clock_.Advance(options_.freshness.max_age + milliseconds(1));
  ASSERT_NE(CommitOf("small"), old->ref.commit);
  ASSERT_TRUE(Warm("small", Stage::kContent));
  ASSERT_TRUE(IsQuietSoon());
  EXPECT_TRUE(ReadFileOf(*old, "README.md"));
}

TEST_F(ResolveCacheTest, RefsAreAsOldAsTheirListNotAsWhatItBrought) {
  Open();
  ASSERT_TRUE(Warm("small", Stage::kComplete));
  ASSERT_TRUE(IsQuietSoon());
  testing::AddCommit(Upstream("small"), "main", "news\n");
  const auto before = transport_.requests().size();
  transport_.HoldFetches([](const FetchRequest&) { return true; });
  const FlightPtr refreshed = cache_->Refresh(Repo("small"));
  ASSERT_TRUE(testing::WaitUntil([&] { return transport_.requests().size() > before; }, kSoon));
  const WallTime listed = clock_.Now();
  clock_.Advance(std::chrono::seconds(30));
  transport_.HoldFetches({});
  ASSERT_TRUE(refreshed->Wait());
  EXPECT_EQ(Repo("small")->record().last_checked, listed);
}

TEST_F(ResolveCacheTest, WhoTakesLongerDoesNotSetNewerRefsBack) {
  options_.history.policy = HistoryPolicy::kNone;
  testing::Git(Upstream("small"), {"branch", "doomed", "main~1"});
  const Oid doomed = OidOf(testing::AddCommit(Upstream("small"), "doomed", "doomed\n"));
  Open();
  ASSERT_TRUE(Warm("small", Stage::kContent));
  ASSERT_TRUE(IsQuietSoon());
  const auto doomed_view = Resolve("small", "doomed");
  ASSERT_TRUE(doomed_view);
  // One has listed this, and takes its time to bring it.
  const Oid slow = OidOf(testing::AddCommit(Upstream("small"), "main", "slow\n"));
  transport_.HoldFetches(
      [slow](const FetchRequest& request) { return request.wants.front() == slow; });
  const FlightPtr refreshed = cache_->Refresh(Repo("small"));
  const auto slow_begun = [&] {
    const auto requests = transport_.requests();
    return std::any_of(requests.begin(), requests.end(),
                       [&](const FetchRequest& request) { return request.wants.front() == slow; });
  };
  ASSERT_TRUE(testing::WaitUntil(slow_begun, kSoon));
  // Meanwhile another finds a commit gone, and asks again.
  clock_.Advance(std::chrono::seconds(10));
  const Oid fast = OidOf(testing::AddCommit(Upstream("small"), "main", "fast\n"));
  testing::Git(Upstream("small"), {"branch", "-D", "doomed"});
  testing::Git(Upstream("small"), {"reflog", "expire", "--all", "--expire=now"});
  testing::Git(Upstream("small"), {"gc", "-q", "--prune=now"});
  ASSERT_FALSE(Await([&] { return cache_->ReadCommit(*doomed_view); })) << doomed.Hex();
  ASSERT_EQ(Repo("small")->refs()->head(), fast);
  transport_.HoldFetches({});
  ASSERT_TRUE(refreshed->Wait());
  EXPECT_EQ(Repo("small")->refs()->head(), fast);
}

TEST_F(ResolveCacheTest, AHostThatSaysThatItIsGoneIsAskedOnce) {
  Open();
  ASSERT_TRUE(Warm("small", Stage::kComplete));
  ASSERT_TRUE(IsQuietSoon());
  std::filesystem::remove_all(Upstream("small"));
  const int before = transport_.list_count();
  EXPECT_FALSE(cache_->Refresh(Repo("small"))->Wait());
  EXPECT_EQ(transport_.list_count() - before, 1);
}

}  // namespace
}  // namespace reposfs
