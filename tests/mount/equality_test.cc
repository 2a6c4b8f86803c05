// A view is the checkout of its commit: byte for byte, mode for mode, link for link.

#include <gtest/gtest.h>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

class EqualityTest : public MountTest {
 protected:
  // Compares the view `name` with `git worktree add` of `commit`.
  Comparison Compare(const std::string& name, const std::string& commit = "main") {
    const std::string repository = name.substr(0, name.find('@'));
    AddWorktree(server_.Path(repository), scratch_ / "expected", commit);
    return CompareTrees(scratch_ / "expected", Path(name));
  }
};

TEST_F(EqualityTest, OfThisProjectItself) {
  if (!Execute({"git", "-C", REPOSFS_SOURCE_DIR, "rev-parse", "HEAD"}).ok()) {
    GTEST_SKIP() << "the source is not in a git repository";
  }
  Output({"git", "clone", "-q", "--bare", REPOSFS_SOURCE_DIR, (scratch_ / "self.git").string()});
  server_.Adopt("self/reposfs", scratch_ / "self.git");
  Mount();
  const Comparison comparison = Compare("self/reposfs", "HEAD");
  EXPECT_TRUE(comparison.equal()) << comparison;
  EXPECT_GT(comparison.file_count, 10u);
}

TEST_F(EqualityTest, OfEveryOddity) {
  FillOddities(server_.Create("odd/ities"));
  Mount();
  const Comparison comparison = Compare("odd/ities");
  EXPECT_TRUE(comparison.equal()) << comparison;
  EXPECT_EQ(comparison.link_count, 8u);
}

TEST_F(EqualityTest, OfEveryOddityAtStageComplete) {
  FillOddities(server_.Create("odd/ities"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("odd/ities")));
  const Comparison comparison = Compare("odd/ities");
  EXPECT_TRUE(comparison.equal()) << comparison;
}

TEST_F(EqualityTest, OfEveryOddityAfterARestart) {
  FillOddities(server_.Create("odd/ities"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("odd/ities")));
  ASSERT_TRUE(daemon_.Restart());
  const Comparison comparison = Compare("odd/ities");
  EXPECT_TRUE(comparison.equal()) << comparison;
}

TEST_F(EqualityTest, OfAnOlderCommit) {
  FillHistory(server_.Create("a/history"), {.commit_count = 60, .file_count = 50});
  Mount();
  const Comparison comparison = Compare("a/history@v0.1", "v0.1");
  EXPECT_TRUE(comparison.equal()) << comparison;
}

TEST_F(EqualityTest, OfADirectoryOf100000Entries) {
  FillWide(server_.Create("a/wide"), 100'000);
  Mount();
  const Comparison comparison = Compare("a/wide");
  EXPECT_TRUE(comparison.equal()) << comparison;
  EXPECT_EQ(comparison.file_count, 100'000u);
}

}  // namespace
}  // namespace reposfs::testing
