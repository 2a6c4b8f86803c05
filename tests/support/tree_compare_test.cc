#include "tests/support/tree_compare.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;

class TreeCompareTest : public ::testing::Test {
 protected:
  TreeCompareTest() {
    Fill(left_.path());
    Fill(right_.path());
  }

  static void Fill(const fs::path& root) {
    fs::create_directories(root / "directory/empty");
    WriteFile(root / "directory/file", "four");
    fs::create_symlink("file", root / "directory/link");
  }

  std::size_t DifferencesAfter(const std::function<void(const fs::path&)>& change) {
    change(right_.path());
    return CompareTrees(left_.path(), right_.path()).differences.size();
  }

  TempDir left_{"left"};
  TempDir right_{"right"};
};

TEST_F(TreeCompareTest, EqualTreesAreEqual) {
  const Comparison comparison = CompareTrees(left_.path(), right_.path());
  EXPECT_TRUE(comparison.equal()) << comparison;
  EXPECT_EQ(comparison.file_count, 1u);
  EXPECT_EQ(comparison.link_count, 1u);
  EXPECT_EQ(comparison.directory_count, 3u);
}

TEST_F(TreeCompareTest, SeesOtherContentOfTheSameSize) {
  EXPECT_EQ(
      DifferencesAfter([](const fs::path& root) { WriteFile(root / "directory/file", "five"); }),
      1u);
}

TEST_F(TreeCompareTest, SeesAnotherMode) {
  EXPECT_EQ(DifferencesAfter(
                [](const fs::path& root) { ::chmod((root / "directory/file").c_str(), 0755); }),
            1u);
}

TEST_F(TreeCompareTest, SeesAnotherLinkTarget) {
  EXPECT_EQ(DifferencesAfter([](const fs::path& root) {
              fs::remove(root / "directory/link");
              fs::create_symlink("fil2", root / "directory/link");
            }),
            1u);
}

TEST_F(TreeCompareTest, SeesMissingAndSurplusNames) {
  EXPECT_EQ(DifferencesAfter([](const fs::path& root) {
              fs::rename(root / "directory/empty", root / "directory/other");
            }),
            2u);
}

TEST_F(TreeCompareTest, LooksAwayFromGitDirectoriesAtTheTopOnly) {
  EXPECT_EQ(DifferencesAfter([](const fs::path& root) { fs::create_directories(root / ".git"); }),
            0u);
  EXPECT_EQ(DifferencesAfter(
                [](const fs::path& root) { fs::create_directories(root / "directory/.git"); }),
            1u);
}

}  // namespace
}  // namespace reposfs::testing
