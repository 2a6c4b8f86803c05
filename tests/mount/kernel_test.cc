// The kernel tree: 78,635 files, as large as a checkout gets in practice.

#include <gtest/gtest.h>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

class KernelTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    RunOptions options;
    options.timeout = std::chrono::minutes(15);
    const CommandResult made = Execute(
        {std::string(REPOSFS_SOURCE_DIR) + "/scripts/testdata/linux", REPOSFS_TEST_DATA_DIR},
        options);
    ASSERT_TRUE(made.ok()) << made;
    repository_ = std::filesystem::path(REPOSFS_TEST_DATA_DIR) / "linux.git";
    server_.Adopt("torvalds/linux", repository_);
    Mount();
  }

  std::filesystem::path repository_;
};

TEST_F(KernelTest, EqualsItsCheckoutAndIsClean) {
  const std::filesystem::path view = Path("torvalds/linux");
  ASSERT_EQ(ErrnoOfList(view), 0);
  ASSERT_TRUE(daemon_.Warm(Key("torvalds/linux"), "complete", std::chrono::minutes(5)));

  // A clone of its own, so that no worktree is left in the shared fixture.
  Output({"git", "clone", "-q", "--shared", "--bare", repository_.string(),
          (scratch_ / "linux.git").string()});
  AddWorktree(scratch_ / "linux.git", scratch_ / "expected", "main");
  const Comparison comparison = CompareTrees(scratch_ / "expected", view);
  EXPECT_TRUE(comparison.equal()) << comparison;
  EXPECT_GT(comparison.file_count, 78'000u);

  EXPECT_EQ(Git(view, {"status", "--porcelain"}), "");
  EXPECT_EQ(Git(view, {"diff", "--stat", "HEAD~5"}),
            Git(scratch_ / "expected", {"diff", "--stat", "HEAD~5"}));
  EXPECT_EQ(Git(view, {"describe", "--tags"}), Git(scratch_ / "expected", {"describe", "--tags"}));
}

TEST_F(KernelTest, TheFirstListingTransfersNoBlobs) {
  server_.HoldContent("torvalds/linux");
  EXPECT_EQ(ErrnoOfList(Path("torvalds/linux")), 0);
  EXPECT_EQ(ErrnoOfList(Path("torvalds/linux") / "drivers/gpu/drm"), 0);
  const auto fetches = server_.Fetches("torvalds/linux");
  ASSERT_FALSE(fetches.empty());
  EXPECT_EQ(fetches.front().filter, "blob:none");
  EXPECT_TRUE(fetches.front().deepen);
  server_.Release("torvalds/linux");
}

}  // namespace
}  // namespace reposfs::testing
