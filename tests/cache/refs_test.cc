#include "cache/refs.h"

#include <gtest/gtest.h>

#include <random>

namespace reposfs {
namespace {

std::string Hex(char digit) {
  return std::string(40, digit);
}
Oid Id(char digit) {
  return *Oid::FromHex(Hex(digit));
}

RefSnapshot FromLsRemote(const std::string& output) {
  auto refs = RefSnapshot::FromLsRemote(output);
  EXPECT_TRUE(refs) << refs.error().message;
  return refs ? *refs : RefSnapshot("", Oid{}, {});
}

// HEAD is main (1); a branch "topic/one" (2); a branch and a tag "both" (3, 4); v1, an annotated
// tag (5) of commit 1.
RefSnapshot Sample() {
  return FromLsRemote("ref: refs/heads/main\tHEAD\n" + Hex('1') + "\tHEAD\n" + Hex('3') +
                      "\trefs/heads/both\n" + Hex('1') + "\trefs/heads/main\n" + Hex('2') +
                      "\trefs/heads/topic/one\n" + Hex('4') + "\trefs/tags/both\n" + Hex('5') +
                      "\trefs/tags/v1\n" + Hex('1') + "\trefs/tags/v1^{}\n");
}

TEST(LsRemoteTest, TellsTheDefaultBranch) {
  const RefSnapshot refs = Sample();
  EXPECT_EQ(refs.head_branch(), "refs/heads/main");
  EXPECT_EQ(refs.head(), Id('1'));
}

TEST(LsRemoteTest, AnAnnotatedTagIsPeeled) {
  const RefSnapshot refs = Sample();
  const Ref* tag = refs.Find("refs/tags/v1");
  ASSERT_NE(tag, nullptr);
  EXPECT_EQ(tag->object, Id('5'));
  EXPECT_EQ(tag->peeled, Id('1'));
  EXPECT_EQ(tag->target(), Id('1'));
  EXPECT_EQ(refs.Find("refs/tags/v1^{}"), nullptr);
}

TEST(LsRemoteTest, ADetachedHeadHasNoBranch) {
  const RefSnapshot refs = FromLsRemote(Hex('1') + "\tHEAD\n");
  EXPECT_EQ(refs.head_branch(), "");
  EXPECT_EQ(refs.head(), Id('1'));
}

TEST(LsRemoteTest, AnEmptyRepositoryHasNothing) {
  const RefSnapshot refs = FromLsRemote("");
  EXPECT_TRUE(refs.head().IsNull());
  EXPECT_TRUE(refs.refs().empty());
}

TEST(LsRemoteTest, OnlyBranchesAndTagsAreKept) {
  const RefSnapshot refs = FromLsRemote(Hex('1') + "\trefs/pull/1/head\n" + Hex('2') +
                                        "\trefs/heads/main\n" + Hex('3') + "\trefs/notes/x\n");
  ASSERT_EQ(refs.refs().size(), 1u);
  EXPECT_EQ(refs.refs()[0].name, "refs/heads/main");
}

TEST(LsRemoteTest, Sha256IsUnsupported) {
  const auto refs = RefSnapshot::FromLsRemote(std::string(64, '1') + "\tHEAD\n");
  ASSERT_FALSE(refs);
  EXPECT_EQ(refs.error().code, Errc::kUnsupported);
}

TEST(LsRemoteTest, AMalformedIdIsRefused) {
  for (const std::string& value :
       {std::string("xyz"), std::string(39, '1'), std::string(40, 'g')}) {
    const auto refs = RefSnapshot::FromLsRemote(value + "\trefs/heads/main\n");
    ASSERT_FALSE(refs) << value;
    EXPECT_EQ(refs.error().code, Errc::kInvalidArgument);
  }
}

TEST(LsRemoteTest, HostileNamesAreDropped) {
  for (const std::string name : {"a b",
                                 "a..b",
                                 "a//b",
                                 "a/.b",
                                 ".hidden",
                                 "a~1",
                                 "a^",
                                 "a:b",
                                 "a?",
                                 "a*",
                                 "a[b",
                                 "a\\b",
                                 "a.lock",
                                 "a/",
                                 "",
                                 "a\x1b[31m",
                                 "a\x7f",
                                 "a\xff",
                                 "../../etc/passwd",
                                 "a\rb"}) {
    const RefSnapshot refs =
        FromLsRemote(Hex('1') + "\trefs/heads/" + name + "\n" + Hex('2') + "\trefs/heads/good\n");
    EXPECT_EQ(refs.refs().size(), 1u) << name;
  }
  const RefSnapshot refs = FromLsRemote(Hex('1') + "\trefs/heads/" + std::string(5000, 'n') + "\n");
  EXPECT_TRUE(refs.refs().empty());
}

TEST(LsRemoteTest, ADroppedTagLeavesNoPeeledValueBehind) {
  const RefSnapshot refs = FromLsRemote(Hex('1') + "\trefs/tags/good\n" + Hex('2') +
                                        "\trefs/tags/a b\n" + Hex('3') + "\trefs/tags/a b^{}\n");
  ASSERT_EQ(refs.refs().size(), 1u);
  EXPECT_TRUE(refs.refs()[0].peeled.IsNull());
}

TEST(LsRemoteTest, AHostileDefaultBranchIsDropped) {
  for (const std::string branch : {"refs/heads/a b", "../../x", "refs/heads/..", "HEAD"}) {
    const RefSnapshot refs = FromLsRemote("ref: " + branch + "\tHEAD\n" + Hex('1') + "\tHEAD\n");
    EXPECT_EQ(refs.head_branch(), "") << branch;
    EXPECT_EQ(refs.head(), Id('1'));
  }
}

TEST(LsRemoteTest, RandomOutputDoesNoHarm) {
  std::mt19937 random(1);
  const std::string alphabet = "0123456789abcdef\t\n ref:/HEAD^{}.";
  for (int round = 0; round < 3000; ++round) {
    std::string output;
    for (std::size_t size = random() % 120; output.size() < size;) {
      output += alphabet[random() % alphabet.size()];
    }
    const auto refs = RefSnapshot::FromLsRemote(output);
    if (refs) {
      EXPECT_TRUE(RefSnapshot::Parse(refs->Serialize()));
    }
  }
}

TEST(ResolveTest, NothingIsTheDefaultBranch) {
  const ResolvedRef expected{"refs/heads/main", Id('1'), Id('1')};
  EXPECT_EQ(Sample().Resolve(""), expected);
  EXPECT_EQ(Sample().Resolve("HEAD"), expected);
}

TEST(ResolveTest, ABranchOrATagByItsShortName) {
  EXPECT_EQ(Sample().Resolve("topic/one"), (ResolvedRef{"refs/heads/topic/one", Id('2'), Id('2')}));
  EXPECT_EQ(Sample().Resolve("v1"), (ResolvedRef{"refs/tags/v1", Id('5'), Id('1')}));
}

TEST(ResolveTest, ABranchComesBeforeATag) {
  EXPECT_EQ(Sample().Resolve("both"), (ResolvedRef{"refs/heads/both", Id('3'), Id('3')}));
}

TEST(ResolveTest, AFullNameSaysWhichOne) {
  EXPECT_EQ(Sample().Resolve("refs/tags/both"), (ResolvedRef{"refs/tags/both", Id('4'), Id('4')}));
}

TEST(ResolveTest, WhatIsNotThereIsNothing) {
  for (const char* spelling : {"none", "topic", "refs/heads", "v1^{}", "Main", "refs/heads/"}) {
    EXPECT_FALSE(Sample().Resolve(spelling)) << spelling;
  }
}

TEST(NamesTest, WhatIsHeldAndWhatIsPointedAt) {
  for (const char digit : {'1', '2', '3', '4', '5'}) EXPECT_TRUE(Sample().Names(Id(digit)));
  EXPECT_FALSE(Sample().Names(Id('6')));
  EXPECT_FALSE(Sample().Names(Oid{})) << "what is no tag is not peeled";
  const RefSnapshot detached("", Id('7'), {});
  EXPECT_TRUE(detached.Names(Id('7')));
  const RefSnapshot tag("", Id('7'), {Ref{"refs/tags/v1", Id('5'), Id('1')}});
  EXPECT_TRUE(tag.Names(Id('5')));
  EXPECT_TRUE(tag.Names(Id('1')));
}

TEST(RefSnapshotFileTest, IsReadBackAsItWas) {
  EXPECT_EQ(*RefSnapshot::Parse(Sample().Serialize()), Sample());
  const RefSnapshot detached("", Id('1'), {});
  EXPECT_EQ(*RefSnapshot::Parse(detached.Serialize()), detached);
  const RefSnapshot empty("refs/heads/main", Oid{}, {});
  EXPECT_EQ(*RefSnapshot::Parse(empty.Serialize()), empty);
}

TEST(RefSnapshotFileTest, AMalformedFileIsCorrupt) {
  for (const std::string& text :
       {std::string("garbage\n"), "HEAD " + Hex('1') + "\n", std::string("HEAD xyz -\n"),
        Hex('1') + " refs/heads/main\n", Hex('1') + " xyz refs/heads/main\n",
        Hex('1') + " " + Hex('0') + " a b\n"}) {
    const auto refs = RefSnapshot::Parse(text);
    ASSERT_FALSE(refs) << text;
    EXPECT_EQ(refs.error().code, Errc::kCorrupt);
  }
}

}  // namespace
}  // namespace reposfs
