// Stock git in the mount says what it says in a native clone.

#include <gtest/gtest.h>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;

class GitCommandsTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    FillHistory(server_.Create("a/history"), {.commit_count = 120, .file_count = 60});
    Mount();
    ASSERT_TRUE(daemon_.Warm(Key("a/history")));
    native_ = scratch_ / "native";
    Output({"git", "clone", "-q", server_.Url("a/history"), native_.string()});
    view_ = Path("a/history");
  }

  void ExpectSameAsNative(const Argv& args) {
    const std::string expected = Git(native_, args);
    EXPECT_FALSE(expected.empty());
    EXPECT_EQ(Git(view_, args), expected);
  }

  fs::path native_;
  fs::path view_;
};

TEST_F(GitCommandsTest, LogIsTheSame) {
  ExpectSameAsNative({"log", "--stat", "--format=%H %an %ad %s"});
}

TEST_F(GitCommandsTest, ShowIsTheSame) {
  ExpectSameAsNative({"show", "HEAD"});
  ExpectSameAsNative({"show", "v0.1"});
  ExpectSameAsNative({"show", "HEAD~7:dir1/sub1/file1.c"});
}

TEST_F(GitCommandsTest, StatusIsClean) {
  EXPECT_EQ(Git(view_, {"status", "--porcelain"}), "");
  EXPECT_NE(Git(view_, {"status"}).find("working tree clean"), std::string::npos);
}

TEST_F(GitCommandsTest, StatusIsCleanWithIgnoredFilesShown) {
  const std::string status = Git(view_, {"status", "--porcelain", "--untracked-files=all"});
  EXPECT_EQ(status, "");
}

TEST_F(GitCommandsTest, StatusInASubdirectoryIsClean) {
  EXPECT_EQ(Git(view_ / "dir1/sub1", {"status", "--porcelain"}), "");
}

TEST_F(GitCommandsTest, TheFirstStatusReadsNoBlob) {
  const CommandResult status = Sh("strace -f -e trace=openat -o '" + (scratch_ / "trace").string() +
                                  "' git -C '" + view_.string() + "' status --porcelain");
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(ReadFile(scratch_ / "trace").find("file1.c"), std::string::npos);
}

TEST_F(GitCommandsTest, DiffIsTheSame) {
  ExpectSameAsNative({"diff", "HEAD~5"});
  ExpectSameAsNative({"diff", "v0.1", "v0.2"});
}

TEST_F(GitCommandsTest, BlameIsTheSame) {
  ExpectSameAsNative({"blame", "dir1/sub1/file1.c"});
}

TEST_F(GitCommandsTest, GrepIsTheSame) {
  ExpectSameAsNative({"grep", "-n", "value_1003"});
  ExpectSameAsNative({"grep", "-n", "value_1003", "HEAD~20"});
}

TEST_F(GitCommandsTest, DescribeIsTheSame) {
  ExpectSameAsNative({"describe", "--tags"});
}

TEST_F(GitCommandsTest, RevListOfEverythingIsTheSame) {
  ExpectSameAsNative({"rev-list", "--all", "--count"});
}

TEST_F(GitCommandsTest, BranchesAndTagsAreKnown) {
  ExpectSameAsNative({"tag", "-l"});
  EXPECT_EQ(Git(view_, {"rev-parse", "origin/release"}),
            Git(native_, {"rev-parse", "origin/release"}));
  EXPECT_EQ(Git(view_, {"symbolic-ref", "--short", "HEAD"}), "main");
}

TEST_F(GitCommandsTest, FsckFindsNothing) {
  const CommandResult fsck = Execute({"git", "-C", view_.string(), "fsck", "--full", "--strict"});
  EXPECT_TRUE(fsck.ok()) << fsck;
  EXPECT_EQ(fsck.err.find("error"), std::string::npos) << fsck;
}

TEST_F(GitCommandsTest, ACloneFromTheMountIsWhole) {
  const fs::path mine = scratch_ / "mine";
  Output({"git", "clone", "-q", view_.string(), mine.string()});
  EXPECT_EQ(Git(mine, {"rev-parse", "HEAD"}), Git(native_, {"rev-parse", "HEAD"}));
  EXPECT_EQ(Git(mine, {"rev-list", "--count", "HEAD"}), "120");
  EXPECT_EQ(Git(mine, {"status", "--porcelain"}), "");
  EXPECT_TRUE(Execute({"git", "-C", mine.string(), "fsck"}).ok());
}

TEST_F(GitCommandsTest, ACloneThroughAFileUrlIsWhole) {
  const fs::path mine = scratch_ / "mine";
  Output({"git", "clone", "-q", "file://" + view_.string(), mine.string()});
  EXPECT_EQ(Git(mine, {"rev-list", "--count", "HEAD"}), "120");
}

TEST_F(GitCommandsTest, ACopyIsAWorkingRepositoryThatSeesEdits) {
  const fs::path copy = scratch_ / "copy";
  Output({"cp", "-r", "--no-preserve=mode", view_.string(), copy.string()});
  WriteFile(copy / "dir1/sub1/file1.c", "edited\n");
  EXPECT_NE(
      Git(copy, {"-c", "core.fileMode=false", "status", "--porcelain"}).find("M dir1/sub1/file1.c"),
      std::string::npos);
}

}  // namespace
}  // namespace reposfs::testing
