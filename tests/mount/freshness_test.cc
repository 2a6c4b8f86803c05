// When the branch moves upstream, names switch to the new commit, and what is open stays what it
// was.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "base/unique_fd.h"
#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kSwitchTimeout = std::chrono::seconds(15);

std::string ReadAt(int directory, const char* name) {
  const UniqueFd fd(::openat(directory, name, O_RDONLY | O_CLOEXEC));
  std::array<char, 256> buffer;
  const ssize_t size = fd ? ::pread(fd.get(), buffer.data(), buffer.size(), 0) : -1;
  return size < 0 ? "unreadable" : std::string(buffer.data(), static_cast<std::size_t>(size));
}

class FreshnessTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    repository_ = server_.Create("a/moving");
    FillWith(repository_, "old\n");
    daemon_.Set("freshness.maxAge", "500ms");
    file_ = Path("a/moving") / "file";
  }

  void MountWarm() {
    Mount();
    ASSERT_TRUE(daemon_.Warm(Key("a/moving")));
    ASSERT_EQ(ReadFile(file_), "old\n");
  }

  bool Becomes(const std::string& text) {
    return WaitUntil([&] { return ReadFile(file_) == text; }, kSwitchTimeout);
  }

  std::filesystem::path repository_;
  std::filesystem::path file_;
};

TEST_F(FreshnessTest, AMovedBranchIsSeen) {
  MountWarm();
  AddCommit(repository_, "main", "new\n");
  EXPECT_TRUE(Becomes("new\n"));
  EXPECT_EQ(Git(Path("a/moving"), {"rev-parse", "HEAD"}), Git(repository_, {"rev-parse", "main"}));
  EXPECT_EQ(Git(Path("a/moving"), {"status", "--porcelain"}), "");
}

TEST_F(FreshnessTest, WhatIsOpenStaysWhatItWas) {
  MountWarm();
  const UniqueFd file(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd directory(::open(Path("a/moving").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  AddCommit(repository_, "main", "new\n");
  ASSERT_TRUE(Becomes("new\n"));
  EXPECT_EQ(ReadAt(directory.get(), "file"), "old\n");
  std::array<char, 16> buffer{};
  EXPECT_EQ(::pread(file.get(), buffer.data(), buffer.size(), 0), 4);
  EXPECT_STREQ(buffer.data(), "old\n");
}

TEST_F(FreshnessTest, ACurrentDirectoryStaysWhatItWas) {
  MountWarm();
  const std::string flag = scratch_ / "moved";
  ChildProcess child = ChildProcess::Start(
      {"/bin/sh", "-c",
       "cd '" + Path("a/moving").string() + "' && touch '" + flag + ".ready' && while [ ! -e '" +
           flag + "' ]; do sleep 0.02; done; cat file; ls"},
      scratch_ / "said");
  ASSERT_TRUE(WaitUntil([&] { return ErrnoOfStat(flag + ".ready") == 0; }, kSwitchTimeout));
  AddCommit(repository_, "main", "new\n");
  EXPECT_TRUE(Becomes("new\n"));
  WriteFile(flag, "");
  EXPECT_EQ(child.Wait(kSwitchTimeout), 0);
  EXPECT_EQ(ReadFile(scratch_ / "said"), "old\nfile\n");
}

TEST_F(FreshnessTest, InTheBackgroundNobodyWaitsForTheCheck) {
  MountWarm();
  AddCommit(repository_, "main", "new\n");
  server_.SetDelay("a/moving", "2");
  SleepFor(milliseconds(700));
  const auto begin = Clock::now();
  EXPECT_EQ(ReadFile(file_), "old\n");
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(1));
  EXPECT_TRUE(Becomes("new\n"));
}

TEST_F(FreshnessTest, StrictModeShowsTheNewCommitAtOnce) {
  daemon_.Set("freshness.mode", "strict");
  MountWarm();
  AddCommit(repository_, "main", "new\n");
  SleepFor(milliseconds(600));
  EXPECT_EQ(ReadFile(file_), "new\n");
}

TEST_F(FreshnessTest, StrictModeWaitsNoLongerThanTheTimeout) {
  daemon_.Set("freshness.mode", "strict");
  daemon_.Set("freshness.timeout", "1s");
  MountWarm();
  server_.SetDelay("a/moving", "10");
  SleepFor(milliseconds(600));
  const auto begin = Clock::now();
  EXPECT_EQ(ReadFile(file_), "old\n");
  EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(2500));
  server_.SetDelay("a/moving", "");
}

TEST_F(FreshnessTest, WithinMaxAgeTheHostIsNotAsked) {
  daemon_.Set("freshness.maxAge", "1h");
  MountWarm();
  server_.ForgetRequests();
  for (int time = 0; time < 20; ++time) EXPECT_EQ(ReadFile(file_), "old\n");
  EXPECT_EQ(ErrnoOfList(Path("a/moving")), 0);
  EXPECT_TRUE(server_.Requests().empty());
}

TEST_F(FreshnessTest, RefreshAsksAtOnce) {
  daemon_.Set("freshness.maxAge", "1h");
  MountWarm();
  AddCommit(repository_, "main", "new\n");
  const CommandResult refresh = daemon_.Cli({"refresh", Key("a/moving")});
  EXPECT_TRUE(refresh.ok()) << refresh;
  EXPECT_TRUE(Becomes("new\n"));
}

TEST_F(FreshnessTest, AForcedPushIsFollowed) {
  MountWarm();
  Git(repository_, {"update-ref", "-d", "refs/heads/main"});
  AddCommit(repository_, "main", "rewritten\n");
  EXPECT_TRUE(Becomes("rewritten\n"));
  EXPECT_EQ(Git(Path("a/moving"), {"rev-list", "--count", "HEAD"}), "1");
}

TEST_F(FreshnessTest, ARenamedDefaultBranchIsFollowed) {
  MountWarm();
  Git(repository_, {"branch", "-m", "main", "trunk"});
  AddCommit(repository_, "trunk", "on trunk\n");
  Git(repository_, {"symbolic-ref", "HEAD", "refs/heads/trunk"});
  EXPECT_TRUE(Becomes("on trunk\n"));
}

TEST_F(FreshnessTest, ABranchViewFollowsItsBranch) {
  MountWarm();
  Git(repository_, {"branch", "topic", "main"});
  EXPECT_TRUE(WaitUntil([&] { return ReadFile(Path("a/moving@topic") / "file") == "old\n"; },
                        kSwitchTimeout));
  AddCommit(repository_, "topic", "new topic\n");
  EXPECT_TRUE(WaitUntil([&] { return ReadFile(Path("a/moving@topic") / "file") == "new topic\n"; },
                        kSwitchTimeout));
  EXPECT_EQ(ReadFile(file_), "old\n");
}

TEST_F(FreshnessTest, ACommitViewNeverChanges) {
  const std::string commit = Git(repository_, {"rev-parse", "main"});
  MountWarm();
  EXPECT_EQ(ReadFile(Path("a/moving@" + commit) / "file"), "old\n");
  AddCommit(repository_, "main", "new\n");
  ASSERT_TRUE(Becomes("new\n"));
  EXPECT_EQ(ReadFile(Path("a/moving@" + commit) / "file"), "old\n");
}

TEST_F(FreshnessTest, ADeletedUpstreamKeepsWhatIsCached) {
  MountWarm();
  std::filesystem::remove_all(repository_);
  SleepFor(milliseconds(700));
  for (int time = 0; time < 10; ++time) {
    EXPECT_EQ(ReadFile(file_), "old\n");
    SleepFor(milliseconds(100));
  }
  EXPECT_TRUE(WaitUntil(
      [&] {
        (void)ErrnoOfList(Path("a/moving"));
        return daemon_.Show(Key("a/moving")).dump().find("not") != std::string::npos;
      },
      kSwitchTimeout));
}

}  // namespace
}  // namespace reposfs::testing
