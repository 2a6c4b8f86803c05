// The upstream being down hurts only what is not cached.

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

class UpstreamDownTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    FillSmall(server_.Create("a/small"));
    FillSmall(server_.Create("b/other"));
    daemon_.Set("freshness.maxAge", "200ms");
    Mount();
    ASSERT_TRUE(daemon_.Warm(Key("a/small")));
    AddWorktree(server_.Path("a/small"), scratch_ / "expected", "main");
    server_.Stop();
    SleepFor(milliseconds(300));
  }
};

TEST_F(UpstreamDownTest, EverythingCachedStillReads) {
  const Comparison comparison = CompareTrees(scratch_ / "expected", Path("a/small"));
  EXPECT_TRUE(comparison.equal()) << comparison;
  EXPECT_EQ(ReadFile(Path("a/small@v1.0") / "README.md"), "one\n");
  EXPECT_EQ(Git(Path("a/small"), {"rev-list", "--count", "HEAD"}), "5");
  EXPECT_EQ(Git(Path("a/small"), {"status", "--porcelain"}), "");
}

TEST_F(UpstreamDownTest, EverythingCachedReadsAfterARestart) {
  ASSERT_TRUE(daemon_.Restart());
  const Comparison comparison = CompareTrees(scratch_ / "expected", Path("a/small"));
  EXPECT_TRUE(comparison.equal()) << comparison;
}

TEST_F(UpstreamDownTest, WhatIsNotCachedFailsWithinTheDeadline) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(ErrnoOfList(Path("b/other")), EHOSTUNREACH);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(7));
}

TEST_F(UpstreamDownTest, ShowTellsHowStaleItIs) {
  EXPECT_EQ(ErrnoOfList(Path("a/small")), 0);
  nlohmann::json shown;
  EXPECT_TRUE(WaitUntil(
      [&] {
        shown = daemon_.Show(Key("a/small"));
        return shown.contains("error") && shown["error"].dump().size() > 4;
      },
      std::chrono::seconds(10)))
      << shown;
  EXPECT_TRUE(shown.contains("lastChecked")) << shown;
}

TEST_F(UpstreamDownTest, WhenItComesBackSoDoesEverything) {
  EXPECT_EQ(ErrnoOfList(Path("b/other")), EHOSTUNREACH);
  server_.Start();
  EXPECT_TRUE(
      WaitUntil([&] { return ErrnoOfList(Path("b/other")) == 0; }, std::chrono::seconds(20)));
  AddCommit(server_.Path("a/small"), "main", "news\n");
  EXPECT_TRUE(WaitUntil([&] { return ReadFile(Path("a/small") / "file") == "news\n"; },
                        std::chrono::seconds(20)));
}

}  // namespace
}  // namespace reposfs::testing
