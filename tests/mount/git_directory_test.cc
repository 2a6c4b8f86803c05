// `.git` in a view is a repository of its own: complete in itself, read-only, with what it needs
// inside.

#include <gtest/gtest.h>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

class GitDirectoryTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    FillSmall(server_.Create("a/small"));
    Mount();
    ASSERT_TRUE(daemon_.Warm(Key("a/small")));
    view_ = Path("a/small");
  }

  std::filesystem::path view_;
};

TEST_F(GitDirectoryTest, WorksWhereNothingButTheMountIsVisible) {
  const CommandResult log = Sh(
      "unshare -m /bin/sh -c \"mount -t tmpfs none '" + daemon_.cache().string() + "' && git -C '" +
      view_.string() + "' log --oneline && git -C '" + view_.string() + "' status --porcelain\"");
  EXPECT_TRUE(log.ok()) << log;
  EXPECT_NE(log.out.find("third"), std::string::npos) << log;
}

TEST_F(GitDirectoryTest, ExcludesTheVirtualFiles) {
  EXPECT_NE(ReadFile(view_ / ".git/info/exclude").find(".insights.json"), std::string::npos);
  EXPECT_EQ(Git(view_, {"ls-files", "--others", "--exclude-standard"}), "");
}

TEST_F(GitDirectoryTest, KnowsAllRefs) {
  const std::string refs = Git(view_, {"for-each-ref", "--format=%(refname)"});
  EXPECT_NE(refs.find("refs/tags/v1.0"), std::string::npos) << refs;
  EXPECT_NE(refs.find("topic/one"), std::string::npos) << refs;
  EXPECT_NE(refs.find("old"), std::string::npos) << refs;
}

TEST_F(GitDirectoryTest, NamesItsUpstream) {
  EXPECT_EQ(Git(view_, {"config", "remote.origin.url"}), server_.Url("a/small"));
}

TEST_F(GitDirectoryTest, RefusesToCommit) {
  EXPECT_FALSE(
      Execute({"git", "-C", view_.string(), "commit", "--allow-empty", "-q", "-m", "no"}).ok());
  EXPECT_FALSE(Execute({"git", "-C", view_.string(), "checkout", "-q", "old"}).ok());
  EXPECT_FALSE(Execute({"git", "-C", view_.string(), "branch", "new"}).ok());
  EXPECT_EQ(Git(view_, {"status", "--porcelain"}), "");
}

TEST_F(GitDirectoryTest, OfATagHasThatCommitCheckedOut) {
  const std::filesystem::path tagged = Path("a/small@v1.0");
  EXPECT_EQ(Git(tagged, {"rev-parse", "HEAD"}),
            Git(server_.Path("a/small"), {"rev-parse", "v1.0^{commit}"}));
  EXPECT_EQ(Git(tagged, {"status", "--porcelain"}), "");
}

TEST_F(GitDirectoryTest, ShowsOfThePacksOnlyWhatIsGits) {
  const std::filesystem::path packs = daemon_.cache() / "repos/1/objects/pack";
  for (const std::string& name : List(packs)) {
    if (name.ends_with(".pack"))
      WriteFile(packs / (name.substr(0, name.size() - 5) + ".sizes"), "");
  }
  for (const std::string& name : List(view_ / ".git/objects/pack")) {
    EXPECT_FALSE(name.ends_with(".sizes"));
    EXPECT_FALSE(std::filesystem::exists(view_ / ".git/objects/pack" /
                                         (name.substr(0, name.rfind('.')) + ".sizes")));
  }
  EXPECT_EQ(Git(view_, {"fsck"}), "");
}

TEST_F(GitDirectoryTest, HasFilesOfTheirOwnInodes) {
  const CommandResult duplicates =
      Sh("find '" + view_.string() + "' -type f -printf '%i\\n' | sort | uniq -d");
  EXPECT_EQ(duplicates.out, "") << "two files share an inode number";
}

}  // namespace
}  // namespace reposfs::testing
