// The disk fills up under the cache, or is tampered with between two runs.

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <cerrno>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;
constexpr auto kSettleTimeout = std::chrono::seconds(20);

// A file system of a few megabytes, for as long as the object lives.
class SmallDisk {
 public:
  SmallDisk(fs::path path, const std::string& size) : path_(std::move(path)) {
    fs::create_directories(path_);
    mounted_ = ::mount("none", path_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool mounted() const { return mounted_; }

 private:
  fs::path path_;
  bool mounted_;
};

class DiskTest : public MountTest {
 protected:
  bool IsDiskAProblem() const {
    const nlohmann::json problems = daemon_.CliJson({"status"})["problems"];
    return std::any_of(problems.begin(), problems.end(), [&](const nlohmann::json& problem) {
      return problem.value("directory", "") == daemon_.cache().string();
    });
  }
};

TEST_F(DiskTest, AFullDiskIsNoSpaceAndHurtsNobodyElse) {
  const SmallDisk disk(scratch_ / "disk", "12m");
  if (!disk.mounted()) GTEST_SKIP() << "*** SKIPPED: no tmpfs can be mounted here ***";
  daemon_.SetCache(scratch_ / "disk/cache");
  FillRandom(server_.Create("f/large"), 30 << 20, 1);
  FillSmall(server_.Create("f/small"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("f/small")));
  EXPECT_TRUE(
      WaitUntil([&] { return ErrnoOfReadingAll(Path("f/large")) == ENOSPC; }, kSettleTimeout));
  EXPECT_EQ(ReadFile(Path("f/small") / "README.md"), "hello\n");
  EXPECT_TRUE(WaitUntil([&] { return List(daemon_.cache() / "tmp").empty(); }, kSettleTimeout));
  EXPECT_FALSE(IsDiskAProblem());
  FillRandom(server_.Create("f/most"), 39 << 18, 2);  // 9.75 MiB.
  ASSERT_TRUE(daemon_.Warm(Key("f/most"), "content"));
  EXPECT_TRUE(WaitUntil([&] { return IsDiskAProblem(); }, kSettleTimeout));
  ASSERT_TRUE(WaitUntil(
      [&] {
        return daemon_.Cli({"evict", Key("f/most")}).ok();
      },
      kSettleTimeout));
  EXPECT_TRUE(WaitUntil([&] { return !IsDiskAProblem(); }, kSettleTimeout));
  FillWith(server_.Create("f/next"), "fits\n");
  EXPECT_EQ(ReadFile(Path("f/next") / "file"), "fits\n");
  EXPECT_TRUE(daemon_.Terminate());
}

TEST_F(DiskTest, UnknownDirectoriesAreRemovedAtStart) {
  FillSmall(server_.Create("f/small"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("f/small")));
  ASSERT_TRUE(daemon_.Terminate());
  fs::create_directories(daemon_.cache() / "repos/unknown-id/objects");
  fs::create_directories(daemon_.cache() / "tmp/left-over");
  fs::create_directories(daemon_.cache() / "trash/left-over");
  WriteFile(daemon_.cache() / "tmp/left-over/pack", "half a pack");
  ASSERT_TRUE(daemon_.Start());
  EXPECT_TRUE(WaitUntil(
      [&] {
        return !fs::exists(daemon_.cache() / "repos/unknown-id") &&
               List(daemon_.cache() / "tmp").empty() && List(daemon_.cache() / "trash").empty();
      },
      kSettleTimeout));
  EXPECT_EQ(ReadFile(Path("f/small") / "README.md"), "hello\n");
}

TEST_F(DiskTest, MissingDirectoriesAreMarkedAbsentAndFetchedAgain) {
  FillSmall(server_.Create("f/small"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("f/small")));
  ASSERT_TRUE(daemon_.Terminate());
  ASSERT_TRUE(Sh("rm -rf '" + daemon_.cache().string() + "/repos/'*").ok());
  ASSERT_TRUE(daemon_.Start());
  EXPECT_EQ(ReadFile(Path("f/small") / "README.md"), "hello\n");
  EXPECT_TRUE(daemon_.Warm(Key("f/small")));
  EXPECT_EQ(Git(Path("f/small"), {"rev-list", "--count", "HEAD"}), "5");
}

TEST_F(DiskTest, ADeletedCacheIsBuiltAnew) {
  FillSmall(server_.Create("f/small"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("f/small")));
  ASSERT_TRUE(daemon_.Terminate());
  fs::remove_all(daemon_.cache());
  ASSERT_TRUE(daemon_.Start());
  EXPECT_EQ(ReadFile(Path("f/small") / "README.md"), "hello\n");
}

TEST_F(DiskTest, ASecondDaemonOnTheSameCacheIsRefused) {
  Mount();
  fs::create_directories(scratch_ / "second");
  const CommandResult second = daemon_.Cli(
      {"mount", "--foreground", (scratch_ / "second").string()}, std::chrono::seconds(10));
  EXPECT_EQ(second.status, 1) << second;
  EXPECT_NE(second.err, "");
}

TEST_F(DiskTest, AFetchThatIsCutOffLeavesNothingAndIsTriedAgain) {
  FillRandom(server_.Create("f/cut"), 4 << 20, 1);
  server_.SetCut("f/cut", "300000");
  daemon_.Set("fetch.requestTimeout", "5s");
  Mount();
  EXPECT_NE(ErrnoOfRead(Path("f/cut") / "more/7/60"), 0);
  server_.SetCut("f/cut", "");
  EXPECT_TRUE(WaitUntil([&] { return ErrnoOfRead(Path("f/cut") / "more/7/60") == 0; },
                        std::chrono::seconds(60)));
  EXPECT_TRUE(daemon_.Warm(Key("f/cut")));
  EXPECT_TRUE(WaitUntil([&] { return List(daemon_.cache() / "tmp").empty(); }, kSettleTimeout));
}

}  // namespace
}  // namespace reposfs::testing
