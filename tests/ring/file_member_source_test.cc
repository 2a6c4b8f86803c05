#include "ring/file_member_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "base/text.h"
#include "tests/ring/listened_source.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using testing::ListenedSource;

// A member a line: "id address".
Result<std::vector<Member>> ParseLines(const std::string& text) {
  std::vector<Member> members;
  for (const std::string_view line : Split(text, '\n')) {
    const auto words = Split(line, ' ');
    if (line.empty()) continue;
    if (words.size() != 2) return Error{Errc::kInvalidArgument, "two words a line"};
    members.push_back({std::string(words[0]), std::string(words[1])});
  }
  return members;
}

class FileMemberSourceTest : public ::testing::Test {
 protected:
  // As configuration tools and Kubernetes do: all at once.
  void Write(const std::string& text) {
    std::ofstream(directory_ / "new") << text;
    std::filesystem::rename(directory_ / "new", directory_ / "nodes");
  }
  // Counts how often the file was read.
  std::unique_ptr<MemberSource> Make() {
    const auto parse = [this](const std::string& text) {
      ++reads_;
      return ParseLines(text);
    };
    return MakeFileMemberSource(directory_ / "nodes", parse, std::chrono::milliseconds(20));
  }

  testing::TempDir directory_;
  std::atomic<int> reads_{0};  // Polled; it publishes nothing else.
};

TEST_F(FileMemberSourceTest, ChangesOfTheFileAreTold) {
  Write("a http://h:1\n");
  ListenedSource source(Make());
  EXPECT_TRUE(source.Tells("a=http://h:1")) << source.last();
  Write("b http://h:2\na http://h:1\n");
  EXPECT_TRUE(source.Tells("a=http://h:1 b=http://h:2")) << source.last();
}

TEST_F(FileMemberSourceTest, WhatDidNotChangeIsToldOnce) {
  Write("a http://h:1\n");
  ListenedSource source(Make());
  EXPECT_TRUE(testing::WaitUntil([&] { return reads_ >= 4; }, std::chrono::seconds(10)));
  EXPECT_EQ(source.told(), std::vector<std::string>{"a=http://h:1"});
}

TEST_F(FileMemberSourceTest, AFileThatIsWrongOrMissingIsAnErrorAndIsReadAgain) {
  ListenedSource source(Make());
  EXPECT_TRUE(source.TellsError()) << source.last();
  Write("a http://h:1\n");
  EXPECT_TRUE(source.Tells("a=http://h:1")) << source.last();
  Write("a\n");
  EXPECT_TRUE(source.TellsError());
  EXPECT_EQ(source.last(), "error: " + (directory_ / "nodes").string() + ": two words a line");
  Write("");
  EXPECT_TRUE(source.Tells("error: " + (directory_ / "nodes").string() + " lists no nodes"));
  Write("a http://h:1\na http://h:2\n");
  EXPECT_TRUE(
      source.Tells("error: " + (directory_ / "nodes").string() + ": \"a\" is the id of two nodes"));
  Write("a http://h:1\n");
  EXPECT_TRUE(source.Tells("a=http://h:1")) << "the same members after an error are told again";
}

}  // namespace
}  // namespace reposfs
