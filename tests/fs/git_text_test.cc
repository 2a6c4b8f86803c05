#include "fs/git_text.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

std::string Hex(char digit) {
  return std::string(40, digit);
}
Oid Id(char digit) {
  return *Oid::FromHex(Hex(digit));
}

const ResolvedRef kMain{"refs/heads/main", Id('1'), Id('1')};
const ResolvedRef kTag{"refs/tags/v1", Id('5'), Id('1')};
const ResolvedRef kCommit{"", Id('1'), Id('1')};

TEST(GitHeadTest, NamesTheBranchOrElseTheCommit) {
  EXPECT_EQ(GitHead(kMain), "ref: refs/heads/main\n");
  EXPECT_EQ(GitHead(kTag), Hex('1') + "\n");
  EXPECT_EQ(GitHead(kCommit), Hex('1') + "\n");
}

TEST(GitHeadTest, AnEmptyRepositoryHasAnUnbornBranch) {
  EXPECT_EQ(GitHead(ResolvedRef{"refs/heads/trunk", Oid{}, Oid{}}), "ref: refs/heads/trunk\n");
  EXPECT_EQ(GitHead(ResolvedRef{}), "ref: refs/heads/main\n");
}

TEST(GitConfigTest, NamesTheUpstreamAsOrigin) {
  const std::string config = GitConfig(kMain, "https://h/o/n.git", "");
  EXPECT_NE(config.find("[remote \"origin\"]\n\turl = \"https://h/o/n.git\"\n"), std::string::npos);
  EXPECT_NE(config.find("[branch \"main\"]\n\tremote = origin\n\tmerge = \"refs/heads/main\"\n"),
            std::string::npos);
  EXPECT_NE(config.find("\tbare = false\n"), std::string::npos);
}

TEST(GitConfigTest, WithoutABranchNothingIsTracked) {
  EXPECT_EQ(GitConfig(kTag, "u", "").find("[branch"), std::string::npos);
  EXPECT_EQ(GitConfig(kCommit, "u", "").find("[branch"), std::string::npos);
}

TEST(GitConfigTest, NamesCannotBreakOutOfTheirQuotes) {
  const ResolvedRef hostile{"refs/heads/a\"]\\x", Id('1'), Id('1')};
  const std::string config = GitConfig(hostile, "file:///a\"b\\c\n[core]\n\tpager = evil", "");
  EXPECT_NE(config.find("[branch \"a\\\"]\\\\x\"]\n"), std::string::npos);
  EXPECT_NE(config.find("url = \"file:///a\\\"b\\\\c[core]\tpager = evil\"\n"), std::string::npos);
}

TEST(GitExcludeTest, HidesTheVirtualFilesAtTheTopOnly) {
  EXPECT_EQ(GitExclude({".insights.json", "x"}),
            "# Made by reposfs; part of no commit.\n/.insights.json\n/x\n");
}

TEST(GitPackedRefsTest, BranchesAreLocalAndRemoteAndTagsArePeeled) {
  const std::string text = GitPackedRefs(
      kMain, {Ref{"refs/heads/main", Id('1'), Oid{}}, Ref{"refs/heads/topic", Id('2'), Oid{}},
              Ref{"refs/tags/v1", Id('5'), Id('1')}});
  EXPECT_EQ(text, "# pack-refs with: peeled fully-peeled sorted \n" + Hex('1') +
                      " refs/heads/main\n" + Hex('2') + " refs/heads/topic\n" + Hex('1') +
                      " refs/remotes/origin/main\n" + Hex('2') + " refs/remotes/origin/topic\n" +
                      Hex('5') + " refs/tags/v1\n^" + Hex('1') + "\n");
}

TEST(GitPackedRefsTest, TheBranchThatIsShownStaysAtItsCommit) {
  const std::string text = GitPackedRefs(kMain, {Ref{"refs/heads/main", Id('9'), Oid{}}});
  EXPECT_NE(text.find(Hex('1') + " refs/heads/main\n"), std::string::npos);
  EXPECT_EQ(text.find(Hex('9')), std::string::npos);
}

TEST(GitPackedRefsTest, ABranchCalledHeadIsNotTheLinkOfTheRemote) {
  const std::string text = GitPackedRefs(kMain, {Ref{"refs/heads/HEAD", Id('2'), Oid{}}});
  EXPECT_EQ(text.find("refs/remotes/origin/HEAD"), std::string::npos);
}

TEST(GitPackedRefsTest, AnEmptyRepositoryHasNone) {
  EXPECT_EQ(GitPackedRefs(ResolvedRef{"refs/heads/main", Oid{}, Oid{}}, {}),
            "# pack-refs with: peeled fully-peeled sorted \n");
}

}  // namespace
}  // namespace reposfs
