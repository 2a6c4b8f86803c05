#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/command.h"
#include "tests/support/files.h"
#include "tests/support/hostile_repositories.h"
#include "tests/support/sample_repositories.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_compare.h"

namespace reposfs::testing {
namespace {

class RepositoriesTest : public ::testing::Test {
 protected:
  RepositoriesTest() : repository_(scratch_ / "r.git") {
    Output({"git", "init", "-q", "--bare", "--initial-branch=main", repository_.string()});
  }

  TempDir scratch_{"repositories"};
  std::filesystem::path repository_;
};

TEST_F(RepositoriesTest, SmallHasTheSameCommitEveryTime) {
  FillSmall(repository_);
  EXPECT_EQ(Git(repository_, {"rev-list", "--all", "--count"}), "5");
  EXPECT_EQ(Git(repository_, {"tag", "-l"}), "v1.0\nv1.1");
  const std::string first = Git(repository_, {"rev-parse", "main"});
  std::filesystem::remove_all(repository_);
  Output({"git", "init", "-q", "--bare", "--initial-branch=main", repository_.string()});
  FillSmall(repository_);
  EXPECT_EQ(Git(repository_, {"rev-parse", "main"}), first);
}

TEST_F(RepositoriesTest, AddedCommitsContinueABranch) {
  FillSmall(repository_);
  const std::string before = Git(repository_, {"rev-parse", "main"});
  const std::string commit = AddCommit(repository_, "main", "next\n");
  EXPECT_EQ(Git(repository_, {"rev-parse", "main^"}), before);
  EXPECT_EQ(Git(repository_, {"show", commit + ":file"}), "next");
}

TEST_F(RepositoriesTest, OdditiesCanBeCheckedOutByGit) {
  FillOddities(repository_);
  AddWorktree(repository_, scratch_ / "tree", "main");
  EXPECT_EQ(ReadFile(scratch_ / "tree" / "escape-\x1b[31mred"), "escape\n");
  EXPECT_EQ(ReadFile(scratch_ / "tree" / "mixed.crlf"), "one\ntwo\n");
  EXPECT_EQ(ReadFile(scratch_ / "tree" / "keyword.id"), "$Id$\n");
  EXPECT_TRUE(List(scratch_ / "tree" / "vendor" / "module").empty());
  EXPECT_EQ(Git(repository_, {"fsck", "--no-dangling"}), "");
}

TEST_F(RepositoriesTest, HistoryHasAsManyCommitsAsAskedFor) {
  FillHistory(repository_, {.commit_count = 60, .file_count = 20, .file_bytes = 200});
  EXPECT_EQ(Git(repository_, {"rev-list", "--count", "main"}), "60");
  EXPECT_EQ(Git(repository_, {"describe", "--tags", "main"}).substr(0, 5), "v0.1-");
}

TEST_F(RepositoriesTest, RandomIsAsLargeOnDiskAsItSays) {
  FillRandom(repository_, 4 << 20, 1);
  std::uintmax_t pack_bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(repository_ / "objects/pack")) {
    if (file.path().extension() == ".pack") pack_bytes += file.file_size();
  }
  EXPECT_GT(pack_bytes, 4u << 20);
}

TEST_F(RepositoriesTest, HarmfulNamesAreReallyInTheTree) {
  FillHarmfulNames(repository_);
  const std::string names = Git(repository_, {"ls-tree", "-z", "--name-only", "main"});
  EXPECT_NE(names.find(".GIT"), std::string::npos);
  EXPECT_NE(names.find("../up"), std::string::npos);
}

TEST_F(RepositoriesTest, TheTreeBombHas21ObjectsOrFewer) {
  FillTreeBomb(repository_);
  const std::string count = Git(repository_, {"rev-list", "--objects", "--count", "main"});
  EXPECT_LE(std::stoi(count), 21);
}

}  // namespace
}  // namespace reposfs::testing
