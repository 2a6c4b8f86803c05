#include "cache/tree.h"

#include <gtest/gtest.h>

#include <random>

namespace reposfs {
namespace {

const Oid kOid = *Oid::FromHex("0123456789abcdef0123456789abcdef01234567");
const Oid kOther = *Oid::FromHex("fedcba9876543210fedcba9876543210fedcba98");

std::string Entry(const std::string& mode, const std::string& name, const Oid& oid = kOid) {
  return mode + " " + name + std::string(1, '\0') +
         std::string(reinterpret_cast<const char*>(oid.bytes.data()), oid.bytes.size());
}

Tree Parse(const std::string& content) {
  auto tree = ParseTree(content);
  EXPECT_TRUE(tree);
  return tree ? std::move(*tree) : Tree{};
}

std::vector<std::string> Names(const Tree& tree) {
  std::vector<std::string> names;
  for (const TreeEntry& entry : tree.entries) names.push_back(entry.name);
  return names;
}

TEST(ParseTreeTest, AnEmptyTreeHasNoEntries) {
  EXPECT_TRUE(Parse("").entries.empty());
}

TEST(ParseTreeTest, AnEntryHasNameIdAndType) {
  const Tree tree = Parse(Entry("100644", "file"));
  ASSERT_EQ(tree.entries.size(), 1u);
  EXPECT_EQ(tree.entries[0].name, "file");
  EXPECT_EQ(tree.entries[0].oid, kOid);
  EXPECT_EQ(tree.entries[0].type, EntryType::kFile);
  EXPECT_TRUE(tree.hidden.empty());
}

TEST(ParseTreeTest, ModesAreReducedToTheFiveOfGit) {
  const std::pair<const char*, EntryType> expected[] = {
      {"100644", EntryType::kFile},       {"100664", EntryType::kFile},
      {"100600", EntryType::kFile},       {"101644", EntryType::kFile},
      {"100655", EntryType::kFile},       {"644", EntryType::kFile},
      {"100755", EntryType::kExecutable}, {"104755", EntryType::kExecutable},
      {"100777", EntryType::kExecutable}, {"100100", EntryType::kExecutable},
      {"40000", EntryType::kDirectory},   {"040000", EntryType::kDirectory},
      {"40755", EntryType::kDirectory},   {"120000", EntryType::kSymlink},
      {"120777", EntryType::kSymlink},    {"160000", EntryType::kSubmodule},
      {"020666", EntryType::kFile},       {"060666", EntryType::kFile},
  };
  for (const auto& [mode, type] : expected) {
    const Tree tree = Parse(Entry(mode, "x"));
    ASSERT_EQ(tree.entries.size(), 1u) << mode;
    EXPECT_EQ(tree.entries[0].type, type) << mode;
  }
}

TEST(ParseTreeTest, OnlyFilesAndLinksAreBlobs) {
  const Tree tree = Parse(Entry("100644", "a") + Entry("100755", "b") + Entry("120000", "c") +
                          Entry("40000", "d") + Entry("160000", "e"));
  ASSERT_EQ(tree.entries.size(), 5u);
  const bool expected[] = {true, true, true, false, false};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(tree.entries[i].IsBlob(), expected[i]) << i;
}

TEST(ParseTreeTest, EntriesAreInTheOrderOfTheBytesOfTheirNames) {
  // git sorts the directory "a" as "a/", behind "a.b".
  const Tree tree = Parse(Entry("100644", "a.b") + Entry("40000", "a") + Entry("100644", "\xff") +
                          Entry("100644", "B"));
  EXPECT_EQ(Names(tree), (std::vector<std::string>{"B", "a", "a.b", "\xff"}));
}

TEST(ParseTreeTest, NamesThatWouldLeadElsewhereAreHidden) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("/"),
        std::string(".git"), std::string(256, 'n')}) {
    const Tree tree = Parse(Entry("100644", name) + Entry("100644", "good"));
    EXPECT_EQ(Names(tree), std::vector<std::string>{"good"}) << name;
    ASSERT_EQ(tree.hidden.size(), 1u);
    EXPECT_EQ(tree.hidden[0].name, name);
    EXPECT_EQ(tree.hidden[0].oid, kOid);
    EXPECT_FALSE(tree.hidden[0].reason.empty());
  }
}

TEST(ParseTreeTest, NamesThatOnlyLookStrangeAreShown) {
  for (const std::string& name :
       {std::string("..."), std::string("..git"), std::string(".gitx"), std::string(".github"),
        std::string(".gitignore"), std::string("git"), std::string("git~2"), std::string("-rf"),
        std::string(" "), std::string("a\nb"), std::string("\xff"), std::string("a\\b"),
        std::string(255, 'n')}) {
    const Tree tree = Parse(Entry("100644", name));
    EXPECT_EQ(Names(tree), std::vector<std::string>{name});
  }
}

TEST(ParseTreeTest, TheFirstEntryOfANameStays) {
  const Tree tree = Parse(Entry("100644", "twice", kOid) + Entry("100644", "x") +
                          Entry("40000", "twice", kOther) + Entry("120000", "twice", kOther));
  EXPECT_EQ(Names(tree), (std::vector<std::string>{"twice", "x"}));
  EXPECT_EQ(tree.entries[0].oid, kOid);
  ASSERT_EQ(tree.hidden.size(), 2u);
  EXPECT_EQ(tree.hidden[0].oid, kOther);
  EXPECT_EQ(tree.hidden[1].oid, kOther);
}

TEST(ParseTreeTest, WhatIsCutOffIsCorrupt) {
  const std::string whole = Entry("100644", "file") + Entry("40000", "sub");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    if (size == Entry("100644", "file").size()) continue;
    const auto tree = ParseTree(std::string_view(whole).substr(0, size));
    ASSERT_FALSE(tree) << size;
    EXPECT_EQ(tree.error().code, Errc::kCorrupt);
  }
}

TEST(ParseTreeTest, AMalformedModeIsCorrupt) {
  for (const char* mode : {"", "8", "100648", "-100644", "+1", "0x1", "1000000000", " 100644"}) {
    EXPECT_FALSE(ParseTree(Entry(mode, "x"))) << mode;
  }
}

TEST(ParseTreeTest, RandomBytesDoNoHarm) {
  std::mt19937 random(1);
  const std::string whole = Entry("100644", "file") + Entry("40000", "sub") + Entry("120000", "l");
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = whole;
    for (int flips = 0; flips < 4; ++flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    bytes.resize(random() % (bytes.size() + 1));
    const auto tree = ParseTree(bytes);
    if (!tree) {
      EXPECT_EQ(tree.error().code, Errc::kCorrupt);
      continue;
    }
    for (const TreeEntry& entry : tree->entries) {
      EXPECT_TRUE(!entry.name.empty() && entry.name.find('/') == std::string::npos);
    }
  }
}

TEST(DotGitTest, EveryDisguiseIsSeenThrough) {
  for (const char* name :
       {".git", ".GIT", ".Git", ".git ", ".git.", ".git . .", ".git...", "git~1", "GIT~1", "git~1.",
        ".git::$INDEX_ALLOCATION", ".git:stream", "git~1:x", ".git\\config", ".git \\x",
        // Code points that HFS+ ignores.
        ".g\xe2\x80\x8cit", "\xe2\x80\x8d.git", ".git\xe2\x80\x8e", ".gi\xe2\x80\x8ft",
        ".g\xe2\x80\xaait", ".g\xe2\x80\xabit", ".g\xe2\x80\xacit", ".g\xe2\x80\xadit",
        ".g\xe2\x80\xaeit", ".g\xe2\x81\xaait", ".g\xe2\x81\xabit", ".g\xe2\x81\xacit",
        ".g\xe2\x81\xadit", ".g\xe2\x81\xaeit", ".g\xe2\x81\xafit", "\xef\xbb\xbf.git",
        ".G\xe2\x80\x8cI\xe2\x80\x8cT"}) {
    EXPECT_TRUE(IsDotGitInDisguise(name)) << name;
  }
}

TEST(DotGitTest, OtherNamesAreTakenForWhatTheyAre) {
  for (const char* name : {"", ".", "..", "git", ".gi", ".gitt", "x.git", ".git2", ".git-x",
                           ".gitignore", ".gitmodules", "git~10", "git~", ".g it", " .git",
                           ".g\xe2\x80\x90it", ".g\xe2\x81\xa9it", ".g\xe2\x80"}) {
    EXPECT_FALSE(IsDotGitInDisguise(name)) << name;
  }
}

}  // namespace
}  // namespace reposfs
