// At stage tip, with commit and trees only, everything works; what is missing comes when it is
// asked for.

#include <gtest/gtest.h>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

class StageTipTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    FillHistory(server_.Create("a/history"), {.commit_count = 20, .file_count = 60});
    server_.HoldContent("a/history");
    daemon_.Set("history", "none");
    Mount();
    view_ = Path("a/history");
    ASSERT_EQ(ErrnoOfList(view_), 0);
  }

  void TearDown() override {
    server_.Release("a/history");
    MountTest::TearDown();
  }

  // Waits until the background has asked for the content, and is held; then counting begins.
  void BeginCounting() {
    WaitUntil(
        [&] {
          const auto fetches = server_.Fetches("a/history");
          return !fetches.empty() && fetches.back().filter.empty();
        },
        std::chrono::seconds(5));
    server_.ForgetRequests();
  }

  std::filesystem::path view_;
};

TEST_F(StageTipTest, IsReachedByOneFilteredFetchOfDepthOne) {
  ASSERT_TRUE(daemon_.WaitForStage(Key("a/history"), "tip"));
  EXPECT_EQ(daemon_.Stage(Key("a/history")), "tip");
  const auto fetches = server_.Fetches("a/history");
  ASSERT_FALSE(fetches.empty());
  EXPECT_EQ(fetches[0].filter, "blob:none");
  EXPECT_TRUE(fetches[0].deepen);
}

TEST_F(StageTipTest, EveryDirectoryListsWithoutAnotherRequest) {
  BeginCounting();
  EXPECT_TRUE(Execute({"find", view_.string(), "-name", ".git", "-prune", "-o", "-print"}).ok());
  EXPECT_TRUE(server_.Fetches("a/history").empty());
}

TEST_F(StageTipTest, ReadingAFileHydratesItsDirectoryWithOneRequest) {
  BeginCounting();
  const std::vector<std::string> names = List(view_ / "dir1/sub1");
  ASSERT_EQ(names.size(), 2u);
  for (const std::string& name : names) EXPECT_EQ(ErrnoOfRead(view_ / "dir1/sub1" / name), 0);
  const auto fetches = server_.Fetches("a/history");
  ASSERT_EQ(fetches.size(), 1u);
  EXPECT_EQ(fetches[0].want_count, 2u);
}

TEST_F(StageTipTest, TheFirstStatOfAnEntryHydratesItsDirectoryWithOneRequest) {
  BeginCounting();
  EXPECT_TRUE(Execute({"ls", "-l", (view_ / "dir2/sub2").string()}).ok());
  EXPECT_EQ(server_.Fetches("a/history").size(), 1u);
}

TEST_F(StageTipTest, LogOfOneCommitWorks) {
  EXPECT_EQ(Git(view_, {"log", "-1", "--format=%H"}),
            Git(server_.Path("a/history"), {"rev-parse", "main"}));
  EXPECT_EQ(Git(view_, {"rev-parse", "--is-shallow-repository"}), "true");
}

TEST_F(StageTipTest, StatusIsClean) {
  EXPECT_EQ(Git(view_, {"status", "--porcelain"}), "");
}

TEST_F(StageTipTest, GitHydratesWhatItLooksFor) {
  EXPECT_EQ(Git(view_, {"show", "HEAD:dir3/sub0/file3.c"}),
            Git(server_.Path("a/history"), {"show", "main:dir3/sub0/file3.c"}));
}

TEST_F(StageTipTest, GoesOnToCompleteWhenTheServerAnswers) {
  server_.Release("a/history");
  EXPECT_TRUE(daemon_.WaitForStage(Key("a/history"), "content"));
}

TEST_F(StageTipTest, ARestartKeepsWhatIsThere) {
  BeginCounting();
  ASSERT_TRUE(daemon_.Restart());
  EXPECT_EQ(ErrnoOfList(view_ / "dir1/sub1"), 0);
  for (const GitRequest& fetch : server_.Fetches("a/history")) EXPECT_NE(fetch.filter, "blob:none");
}

}  // namespace
}  // namespace reposfs::testing
