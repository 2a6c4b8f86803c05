// SIGKILL at any moment: after the restart the mount is right, the catalog is whole, nothing is
// left over.

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

constexpr auto kSettleTimeout = std::chrono::seconds(30);

// 50 kills over the three tests; with TEST_LONG ten times as many.
int Rounds(int usual) {
  return std::getenv("TEST_LONG") != nullptr ? usual * 10 : usual;
}

class KillTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    daemon_.Set("freshness.maxAge", "100ms");
    random_.seed(static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed()));
  }

  milliseconds RandomTime(int max) {
    return milliseconds(std::uniform_int_distribution<int>(0, max)(random_));
  }

  void KillAfter(milliseconds time) {
    SleepFor(time);
    daemon_.Kill9();
  }

  // What must hold after each restart.
  void ExpectSound(const std::string& name) {
    ASSERT_TRUE(daemon_.Start());
    for (const char* database : {"catalog.db", "insights.db"}) {
      const CommandResult check =
          Execute({"sqlite3", "-cmd", ".timeout 10000", (daemon_.cache() / database).string(),
                   "PRAGMA integrity_check"});
      EXPECT_EQ(check.out, "ok\n") << check;
    }
    Output({"git", "-C", server_.Path(name).string(), "worktree", "prune"});
    const std::string expected = scratch_ / ("expected" + std::to_string(round_++));
    AddWorktree(server_.Path(name), expected, "main");
    EXPECT_TRUE(
        WaitUntil([&] { return CompareTrees(expected, Path(name)).equal(); }, kSettleTimeout))
        << CompareTrees(expected, Path(name));
    std::filesystem::remove_all(expected);
    ASSERT_TRUE(daemon_.WaitForStage(Key(name), "complete"));
    EXPECT_TRUE(WaitUntil(
        [&] {
          return List(daemon_.cache() / "tmp").empty() && List(daemon_.cache() / "trash").empty();
        },
        kSettleTimeout))
        << Sh("find '" + daemon_.cache().string() + "/tmp' '" + daemon_.cache().string() +
              "/trash'");
    const CommandResult rubbish = Sh("find '" + daemon_.cache().string() +
                                     "/repos' -name 'tmp_*' -o -name '*.lock' -o -name '.tmp-*'");
    EXPECT_EQ(rubbish.out, "");
  }

  std::mt19937 random_;
  int round_ = 0;
};

TEST_F(KillTest, WhileCloning) {
  for (int round = 0; round < Rounds(20); ++round) {
    const std::string name = "k/clone" + std::to_string(round);
    FillHistory(server_.Create(name), {.commit_count = 100, .file_count = 200});
    ASSERT_TRUE(daemon_.Start());
    ChildProcess reader =
        ChildProcess::Start({"cat", (Path(name) / "dir1/sub1/file1.c").string()}, scratch_ / "cat");
    KillAfter(RandomTime(400));
    ExpectSound(name);
    ASSERT_TRUE(daemon_.Terminate());
    if (HasFatalFailure() || HasFailure()) break;
  }
}

TEST_F(KillTest, WhileFetching) {
  FillHistory(server_.Create("k/fetch"), {.commit_count = 50, .file_count = 100});
  ASSERT_TRUE(daemon_.Start());
  ASSERT_TRUE(daemon_.Warm(Key("k/fetch")));
  for (int round = 0; round < Rounds(15); ++round) {
    AddCommit(server_.Path("k/fetch"), "main", "round " + std::to_string(round) + "\n");
    SleepFor(milliseconds(150));
    (void)ErrnoOfList(Path("k/fetch"));
    KillAfter(RandomTime(150));
    ExpectSound("k/fetch");
    if (HasFatalFailure() || HasFailure()) break;
  }
}

TEST_F(KillTest, WhileEvicting) {
  FillRandom(server_.Create("k/evict"), 8 << 20, 1);
  ASSERT_TRUE(daemon_.Start());
  ASSERT_TRUE(daemon_.Warm(Key("k/evict")));
  for (int round = 0; round < Rounds(15); ++round) {
    ChildProcess evicting = ChildProcess::Start(
        {Binary(), "evict", Key("k/evict"), "--config", daemon_.config_file().string()},
        scratch_ / "evict");
    KillAfter(RandomTime(60));
    ExpectSound("k/evict");
    if (HasFatalFailure() || HasFailure()) break;
  }
}

}  // namespace
}  // namespace reposfs::testing
