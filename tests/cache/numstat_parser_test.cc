#include "cache/numstat_parser.h"

#include <gtest/gtest.h>

#include <vector>

namespace reposfs {
namespace {

using std::string_literals::operator""s;

const std::string kOid(40, 'a');

std::string Header(const std::string& parents = "") {
  return "c" + kOid + "\0"s + parents +
         "\0Ada\0ada@x\0001700000000 -0130\0001700000060\0subject\0"s;
}

struct Parsed {
  std::vector<CommitFacts> commits;
  Status status;
};

Parsed Parse(const std::string& text, std::size_t piece = 1'000'000) {
  Parsed parsed;
  NumstatParser parser([&](CommitFacts commit) -> Status {
    parsed.commits.push_back(std::move(commit));
    return {};
  });
  for (std::size_t at = 0; at < text.size() && parsed.status; at += piece) {
    parsed.status = parser.Feed(std::string_view(text).substr(at, piece));
  }
  if (parsed.status) parsed.status = parser.Finish();
  return parsed;
}

TEST(NumstatParserTest, ACommitWithFiles) {
  const Parsed parsed = Parse(Header(kOid) + "\n3\t1\ta\0-\t-\tb c\0"s);
  ASSERT_TRUE(parsed.status);
  ASSERT_EQ(parsed.commits.size(), 1u);
  const CommitFacts& commit = parsed.commits[0];
  EXPECT_EQ(commit.oid.Hex(), kOid);
  EXPECT_EQ(commit.parent_count, 1);
  EXPECT_EQ(commit.author, (Identity{"Ada", "ada@x"}));
  EXPECT_EQ(commit.authored_at_s, 1'700'000'000);
  EXPECT_EQ(commit.author_offset_minutes, -90);
  EXPECT_EQ(commit.committed_at_s, 1'700'000'060);
  EXPECT_EQ(commit.subject, "subject");
  EXPECT_EQ(commit.added, 3);
  EXPECT_EQ(commit.deleted, 1);
  EXPECT_EQ(commit.file_count, 2);
  EXPECT_EQ(commit.files[1].path, "b c");
  EXPECT_FALSE(commit.files[1].added);
}

TEST(NumstatParserTest, OfARenameOnlyTheNewPathIsKept) {
  const Parsed parsed = Parse(Header() + "\n1\t2\t\0cold\0cnew\0"s + "4\t0\tx\0"s);
  ASSERT_TRUE(parsed.status);
  ASSERT_EQ(parsed.commits[0].files.size(), 2u);
  EXPECT_EQ(parsed.commits[0].files[0].path, "cnew");
  EXPECT_EQ(parsed.commits[0].files[1].path, "x");
}

TEST(NumstatParserTest, PiecesOfAnySizeGiveTheSame) {
  const std::string text =
      Header(kOid + " " + kOid) + Header() + "\n1\t2\t\0old\0new\0"s + Header(kOid);
  for (const std::size_t piece : {1u, 2u, 7u, 50u}) {
    const Parsed parsed = Parse(text, piece);
    ASSERT_TRUE(parsed.status);
    ASSERT_EQ(parsed.commits.size(), 3u);
    EXPECT_EQ(parsed.commits[0].parent_count, 2);
    EXPECT_EQ(parsed.commits[1].files.size(), 1u);
  }
}

TEST(NumstatParserTest, WhatIsNoSuchOutputIsRefused) {
  EXPECT_FALSE(Parse("fatal: not this\0"s).status);
  EXPECT_FALSE(Parse(Header() + "\nno numbers\0"s).status);
  EXPECT_FALSE(Parse(Header().substr(0, 60)).status);
  EXPECT_FALSE(Parse(Header() + "\n1\t2\t\0old\0"s).status);
}

TEST(NumstatParserTest, LongNamesAndManyFilesAreCutNotRefused) {
  std::string text =
      "c" + kOid + "\0\0"s + std::string(3'000'000, 'n') + "\0e\0001 +0000\0002\0s\0\n"s;
  const std::size_t count = NumstatParser::kListedFilesMax + 5;
  for (std::size_t i = 0; i < count; ++i) text += "1\t1\tf" + std::to_string(i) + "\0"s;
  const Parsed parsed = Parse(text, 65'536);
  ASSERT_TRUE(parsed.status);
  const CommitFacts& commit = parsed.commits[0];
  EXPECT_EQ(commit.author.name.size(), NumstatParser::kNameMaxBytes);
  EXPECT_EQ(commit.files.size(), NumstatParser::kListedFilesMax);
  EXPECT_EQ(commit.file_count, static_cast<std::int64_t>(count));
  EXPECT_EQ(commit.added, static_cast<std::int64_t>(count));
}

TEST(NumstatParserTest, AbsurdDatesAreNumbersAllTheSame) {
  const Parsed parsed = Parse("c" + kOid + "\0\0a\0e\00099999999999999999999 +9999\0\0s\0"s);
  ASSERT_TRUE(parsed.status);
  EXPECT_EQ(parsed.commits[0].authored_at_s, 0);
  EXPECT_EQ(parsed.commits[0].committed_at_s, 0);
}

}  // namespace
}  // namespace reposfs
