// name@ref: one commit of a repository, whatever it is called.

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

class ViewsTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    FillSmall(server_.Create("a/small"));
    Mount();
  }

  std::string Readme(const std::string& view) { return ReadFile(Path(view) / "README.md"); }
  std::string Resolve(const std::string& revision) {
    return Git(server_.Path("a/small"), {"rev-parse", revision});
  }
};

TEST_F(ViewsTest, ThePlainNameFollowsTheDefaultBranch) {
  EXPECT_EQ(Readme("a/small"), "hello\n");
}

TEST_F(ViewsTest, ABranch) {
  EXPECT_EQ(Readme("a/small@old"), "one\n");
  EXPECT_EQ(Readme("a/small@main"), "hello\n");
}

TEST_F(ViewsTest, ABranchWithASlash) {
  EXPECT_EQ(ReadFile(Path("a/small@topic%2Fone") / "topic"), "topic\n");
}

TEST_F(ViewsTest, AnAnnotatedTag) {
  EXPECT_EQ(Readme("a/small@v1.0"), "one\n");
}

TEST_F(ViewsTest, ALightweightTag) {
  EXPECT_EQ(Readme("a/small@v1.1"), "two\n");
}

TEST_F(ViewsTest, AFullCommit) {
  EXPECT_EQ(Readme("a/small@" + Resolve("main~1")), "hello\n");
  EXPECT_EQ(Readme("a/small@" + Resolve("v1.1")), "two\n");
}

TEST_F(ViewsTest, AnAbbreviatedCommit) {
  ASSERT_TRUE(daemon_.Warm(Key("a/small")));
  EXPECT_EQ(Readme("a/small@" + Resolve("v1.1").substr(0, 10)), "two\n");
}

TEST_F(ViewsTest, AnUnknownRefDoesNotExist) {
  EXPECT_EQ(ErrnoOfStat(Path("a/small@nope")), ENOENT);
  EXPECT_EQ(ErrnoOfStat(Path("a/small@")), ENOENT);
  EXPECT_EQ(ErrnoOfStat(Path("a/small@..")), ENOENT);
  EXPECT_EQ(ErrnoOfStat(Path("a/small@main~1")), ENOENT);
  EXPECT_EQ(ErrnoOfStat(Path("a/small@" + std::string(40, '0'))), ENOENT);
}

TEST_F(ViewsTest, AnUnknownRefOfAnUnknownRepositoryDoesNotExist) {
  EXPECT_EQ(ErrnoOfStat(Path("a/none@main")), ENOENT);
}

TEST_F(ViewsTest, ARefAsFirstAccess) {
  FillSmall(server_.Create("b/fresh"));
  EXPECT_EQ(Readme("b/fresh@v1.0"), "one\n");
}

TEST_F(ViewsTest, TheNameWithGitSuffixIsALinkToTheName) {
  EXPECT_EQ(std::filesystem::read_symlink(Path("a/small.git")), "small");
  EXPECT_EQ(Readme("a/small.git"), "hello\n");
}

TEST_F(ViewsTest, ARepositoryWhoseNameBeginsWithADotIsReal) {
  FillWith(server_.Create("a/.github"), "profile\n");
  EXPECT_EQ(ReadFile(Path("a/.github") / "file"), "profile\n");
}

}  // namespace
}  // namespace reposfs::testing
