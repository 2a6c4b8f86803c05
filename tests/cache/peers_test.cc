// A cache that asks a peer before the git host.

#include "tests/cache/cache_test.h"
#include "tests/cache/peer_origin.h"

namespace reposfs {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class PeersTest : public CacheTest {
 protected:
  PeersTest() {
    HostOptions host = *origin_->HostOf("h");
    auto origin = std::make_unique<PeerOrigin>(
        host, "file://" + (directory_ / "peer").string() + "/{owner}/{name}.git");
    ring_ = origin.get();
    origin_ = std::move(origin);
    options_.freshness.mode = FreshnessMode::kStrict;
    testing::FillSmall(MakeUpstream("small"));
    // The peer remembers it for ever.
    std::filesystem::create_directories(directory_ / "peer/o");
    std::filesystem::copy(Upstream("small"), directory_ / "peer/o/small.git",
                          std::filesystem::copy_options::recursive);
  }

  void FailHost(bool fails) {
    transport_.FailSources([fails](const Source& source) -> std::optional<Error> {
      if (source.peer || !fails) return std::nullopt;
      return Error{Errc::kUnreachable, "the host is down"};
    });
  }
  void FailPeer(bool fails) {
    transport_.FailSources([fails](const Source& source) -> std::optional<Error> {
      if (!source.peer || !fails) return std::nullopt;
      return Error{Errc::kUnreachable, "the peer is down"};
    });
  }
  // The cache has all of what the host has now, and knows that from the host.
  void WarmFromHost() {
    FailPeer(true);
    ASSERT_TRUE(Warm("small", Stage::kComplete));
    ASSERT_TRUE(IsQuietSoon());
    FailPeer(false);
  }

  PeerOrigin* ring_;
};

TEST_F(PeersTest, WhoRemembersLessThanIsKnownIsNotAskedForEver) {
  Open();
  FailPeer(true);
  ASSERT_TRUE(Resolve("small"));
  FailPeer(false);
  transport_.PeersRemember(hours(1));
  ring_->TakeAnyAge();
  clock_.Advance(options_.freshness.max_age + seconds(1));
  const int before = transport_.list_count();
  const auto target = Resolve("small");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(transport_.list_count() - before, 2) << "the peer, then the host";
  EXPECT_EQ(Repo("small")->record().last_checked, clock_.Now());
}

TEST_F(PeersTest, OldRefsAreShownAsOldWhileTheHostIsAway) {
  Open();
  transport_.PeersRemember(hours(1));
  FailHost(true);
  for (int i = 0; i < 5; ++i) {
    const auto target = Resolve("small");
    ASSERT_TRUE(target) << target.error().message;
  }
  EXPECT_EQ(Repo("small")->record().last_checked, clock_.Now() - hours(1));
  EXPECT_EQ(Repo("small")->record().error_code, "unreachable");
  EXPECT_EQ(transport_.list_count(), 2) << "for a while nobody is asked again";
  clock_.Advance(seconds(31));
  ASSERT_TRUE(Resolve("small"));
  EXPECT_EQ(transport_.list_count(), 4);
  FailHost(false);
  clock_.Advance(seconds(31));
  ASSERT_TRUE(Resolve("small"));
  EXPECT_EQ(Repo("small")->record().last_checked, clock_.Now());
  EXPECT_EQ(Repo("small")->record().error, "");
}

TEST_F(PeersTest, TheyAreShownAlsoWhereNothingMayBeOld) {
  options_.freshness.max_age = seconds(0);
  Open();
  transport_.PeersRemember(hours(1));
  FailHost(true);
  const auto target = Resolve("small");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(transport_.list_count(), 2) << "the peer, then the host";
}

TEST_F(PeersTest, OldRefsNeverReplaceNewerOnes) {
  Open();
  WarmFromHost();
  const Oid news = OidOf(testing::AddCommit(Upstream("small"), "main", "news\n"));
  FailPeer(true);
  clock_.Advance(options_.freshness.max_age + seconds(1));
  ASSERT_EQ(CommitOf("small"), news);
  const WallTime checked = Repo("small")->record().last_checked;
  transport_.PeersRemember(hours(1));
  FailHost(true);
  clock_.Advance(options_.freshness.max_age + seconds(1));
  static_cast<void>(cache_->Refresh(Repo("small"))->Wait());
  EXPECT_EQ(CommitOf("small"), news);
  EXPECT_EQ(Repo("small")->record().last_checked, checked);
}

TEST_F(PeersTest, WhereNobodyKnowsWhatIsNewWhatIsKnownIsServed) {
  Open();
  WarmFromHost();
  transport_.PeersRemember(hours(1));
  ring_->TakeAnyAge();
  FailHost(true);
  clock_.Advance(options_.freshness.max_age + seconds(1));
  const int before = transport_.list_count();
  for (int i = 0; i < 5; ++i) {
    const auto target = Resolve("small");
    ASSERT_TRUE(target) << target.error().message;
  }
  EXPECT_EQ(transport_.list_count() - before, 2) << "the peer, then the host";
  EXPECT_EQ(Repo("small")->record().error_code, "unreachable");
}

}  // namespace
}  // namespace reposfs
