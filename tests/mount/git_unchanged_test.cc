// `git status` looks at nothing in a view, and at everything where files may have changed.

#include <gtest/gtest.h>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;

// Enough that the view has the hook.
constexpr std::size_t kFileCount = 10'200;

class GitUnchangedTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    FillHistory(server_.Create("a/large"),
                {.commit_count = 3, .file_count = kFileCount, .file_bytes = 20});
    Mount();
    ASSERT_TRUE(daemon_.Warm(Key("a/large")));
    view_ = Path("a/large");
  }

  static std::string Status(const fs::path& directory) {
    return Output(
        {"git", "-C", directory.string(), "-c", "core.fileMode=false", "status", "--porcelain"});
  }
  // What git finds when it looks at every file and directory.
  static std::string Truth(const fs::path& directory) {
    return Output({"git", "-C", directory.string(), "-c", "core.fileMode=false", "-c",
                   "core.fsmonitor=false", "-c", "core.untrackedCache=false", "status",
                   "--porcelain"});
  }
  static std::string Traced(const fs::path& directory) {
    return Sh("GIT_TRACE2_PERF=1 git -C '" + directory.string() + "' status 2>&1").out;
  }
  static std::size_t CountOf(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
  }

  // Runs `script` in a mount namespace of its own, where $V is the view and $W a scratch directory
  // in memory; fails if status and truth, which it may call there, differ.
  CommandResult InNamespace(const std::string& script) {
    const fs::path work = scratch_ / "work";
    fs::create_directory(work);
    WriteFile(scratch_ / "script",
              "set -e\nV='" + view_.string() + "'\nW='" + work.string() +
                  "'\n"
                  "truth() { git -c core.fsmonitor=false -c core.untrackedCache=false status "
                  "--porcelain; }\n"
                  // The first answer counts: git may correct itself when it has written the index.
                  "check() { first=$(git status --porcelain); echo \"$first\"; "
                  "[ \"$(truth)\" = \"$first\" ]; }\n"
                  "mount -t tmpfs none \"$W\"\nmkdir \"$W/upper\" \"$W/work\" \"$W/m\"\n" +
                  script);
    return Sh("unshare -m /bin/sh '" + (scratch_ / "script").string() + "'");
  }

  fs::path view_;
};

TEST_F(GitUnchangedTest, StatusLooksAtNothing) {
  const std::string trace = Traced(view_);
  EXPECT_NE(trace.find("working tree clean"), std::string::npos) << trace;
  EXPECT_EQ(CountOf(trace, "preload/sum_lstat:0"), 1u) << trace;
  EXPECT_EQ(CountOf(trace, "refresh/sum_lstat:0"), 1u) << trace;
  EXPECT_EQ(CountOf(trace, "opendir:0"), 1u) << trace;
  EXPECT_EQ(CountOf(trace, "gitignore-invalidation:0"), 1u) << trace;
}

TEST_F(GitUnchangedTest, TheIndexIsWholeToGit) {
  EXPECT_EQ(CountOf(Output({"git", "-C", view_.string(), "ls-files", "-f"}), "h "), kFileCount);
  EXPECT_TRUE(Execute({"git", "-C", view_.string(), "fsck", "--cache"}).ok());
  EXPECT_EQ(Status(view_), Truth(view_));
}

TEST_F(GitUnchangedTest, ACopySeesEdits) {
  const fs::path copy = scratch_ / "copy";
  Output({"cp", "-r", "--no-preserve=mode", view_.string(), copy.string()});
  EXPECT_EQ(Status(copy), "");
  WriteFile(copy / "dir1/sub1/file1.c", "edited\n");
  WriteFile(copy / "dir1/new", "new\n");
  EXPECT_EQ(Status(copy), " M dir1/sub1/file1.c\n?? dir1/new");
  EXPECT_EQ(Status(copy), Truth(copy)) << "after git has written the index";
  WriteFile(copy / "dir1/sub1/file2.c", "edited\n");
  EXPECT_EQ(Status(copy), Truth(copy));
}

TEST_F(GitUnchangedTest, ACopyWithAllAttributesSeesEdits) {
  const fs::path copy = scratch_ / "copy";
  Output({"cp", "-a", view_.string(), copy.string()});
  // Same size and time, as only a change that hides would have.
  const std::string edit = "f='" + (copy / "dir1/sub1/file1.c").string() + "'; touch -r \"$f\" '" +
                           (scratch_ / "time").string() + "'; tr a-z b-za <\"$f\" >'" +
                           (scratch_ / "text").string() + "'; cat '" +
                           (scratch_ / "text").string() + "' >\"$f\"; touch -r '" +
                           (scratch_ / "time").string() + "' \"$f\"";
  ASSERT_TRUE(Sh(edit).ok());
  EXPECT_EQ(Status(copy), " M dir1/sub1/file1.c");
  EXPECT_EQ(Status(copy), Truth(copy));
}

TEST_F(GitUnchangedTest, ACloneHasNoHook) {
  const fs::path mine = scratch_ / "mine";
  Output({"git", "clone", "-q", view_.string(), mine.string()});
  EXPECT_FALSE(Execute({"git", "-C", mine.string(), "config", "core.fsmonitor"}).ok());
}

TEST_F(GitUnchangedTest, AnOverlaySeesEdits) {
  const CommandResult result = InNamespace(
      "mount -t overlay overlay -o \"lowerdir=$V,upperdir=$W/upper,workdir=$W/work\" \"$W/m\"\n"
      "cd \"$W/m\"\necho edited >>dir1/sub1/file1.c\necho new >dir1/new\ncheck\n"
      "rm dir2/sub2/file2.c\ncheck\n");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_NE(result.out.find(" M dir1/sub1/file1.c\n D dir2/sub2/file2.c\n?? dir1/new\n"),
            std::string::npos)
      << result;
}

TEST_F(GitUnchangedTest, AnOverlayInTheViewsPlaceSeesEdits) {
  const CommandResult result = InNamespace(
      "mount -t overlay overlay -o \"lowerdir=$V,upperdir=$W/upper,workdir=$W/work\" \"$V\"\n"
      "cd \"$V\"\necho edited >>dir1/sub1/file1.c\necho new >dir1/new\ncheck\n");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(result.out, " M dir1/sub1/file1.c\n?? dir1/new\n") << result;
}

TEST_F(GitUnchangedTest, AWorkTreeOfAnOverlaySeesEdits) {
  const CommandResult result = InNamespace(
      "mount -t overlay overlay -o \"lowerdir=$V,upperdir=$W/upper,workdir=$W/work\" \"$W/m\"\n"
      "cd \"$W/m\"\ngit worktree add -q --detach ../other\ncd ../other\n"
      "echo edited >>dir1/sub1/file1.c\ncheck\n");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(result.out, " M dir1/sub1/file1.c\n") << result;
}

TEST_F(GitUnchangedTest, WhatIsMountedInsideIsSeen) {
  const CommandResult result = InNamespace(
      "echo edited >\"$W/file\"\nmount --bind \"$W/file\" \"$V/dir1/sub1/file1.c\"\n"
      "mount -t tmpfs none \"$V/dir2\"\necho new >\"$V/dir2/new\"\ncd \"$V\"\ncheck\n");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_NE(result.out.find(" M dir1/sub1/file1.c\n D dir2/"), std::string::npos) << result;
  EXPECT_NE(result.out.find("?? dir2/new\n"), std::string::npos) << result;
}

TEST_F(GitUnchangedTest, WhereTheViewIsBoundElsewhereNothingIsLookedAt) {
  const CommandResult result = InNamespace(
      "mount --bind \"$V\" \"$W/m\"\ncd \"$W/m\"\ncheck\nGIT_TRACE2_PERF=1 git status 2>&1\n");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_NE(result.out.find("preload/sum_lstat:0"), std::string::npos) << result;
}

TEST_F(GitUnchangedTest, WhatIsMountedInsideABoundViewIsSeen) {
  const CommandResult result = InNamespace(
      "echo edited >\"$W/file\"\nmount --bind \"$V\" \"$W/m\"\n"
      "mount --bind \"$W/file\" \"$W/m/dir1/sub1/file1.c\"\ncd \"$W/m\"\ncheck\n");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_EQ(result.out, " M dir1/sub1/file1.c\n") << result;
}

TEST_F(GitUnchangedTest, TheWorkTreeOfAnotherViewIsLookedAt) {
  const fs::path other = Path("a/large@" + Git(server_.Path("a/large"), {"rev-parse", "main~1"}));
  const auto status = [&](const std::string& more) {
    return Sh("git --git-dir='" + (view_ / ".git").string() + "' --work-tree='" + other.string() +
              "' " + more + " status --porcelain")
        .out;
  };
  EXPECT_NE(status(""), "");
  EXPECT_EQ(status(""), status("-c core.fsmonitor=false -c core.untrackedCache=false"));
}

TEST_F(GitUnchangedTest, WithoutTheProgramsOfTheHookGitLooksForItself) {
  const CommandResult result = InNamespace(
      "mkdir \"$W/bin\"\nln -s \"$(command -v git)\" \"$(command -v sh)\" \"$W/bin\"\n"
      "cd \"$V\"\nPATH=\"$W/bin\" GIT_TRACE2_PERF=1 git status 2>&1\n");
  EXPECT_TRUE(result.ok()) << result;
  EXPECT_NE(result.out.find("working tree clean"), std::string::npos) << result;
  EXPECT_EQ(result.out.find("preload/sum_lstat:0"), std::string::npos) << result;
}

TEST_F(GitUnchangedTest, TheNameThatTheHookLooksForIsNeverListed) {
  EXPECT_EQ(Sh("find '" + view_.string() + "' -name 'reposfs-unchanged*'").out, "");
}

}  // namespace
}  // namespace reposfs::testing
