#include "cache/pin_list.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

class PinListTest : public ::testing::Test {
 protected:
  PinListTest() {
    options_.never_evict_file = directory_ / "pins";
    HostOptions github;
    github.url = "https://github.com/{owner}/{name}.git";
    github.case_insensitive = true;
    HostOptions ssh;
    ssh.url = "ssh://git@git.example.org/{owner}/{name}";
    origin_ = std::make_unique<UpstreamOrigin>(
        std::map<std::string, HostOptions>{{"github.com", github}, {"git.example.org", ssh}});
  }

  void Write(const std::string& text) { testing::WriteFile(directory_ / "pins", text); }
  void Open() { list_ = std::make_unique<PinList>(options_, *origin_); }
  bool Reread() { return list_->Reread(now_); }
  std::vector<std::string> Whole() const {
    std::vector<std::string> keys;
    for (const RepositoryKey& key : list_->pins()->whole) keys.push_back(key.Text());
    return keys;
  }
  std::string FirstProblem() const {
    const auto problems = list_->problems();
    return problems.empty() ? "" : problems[0].place + ": " + problems[0].error.message;
  }

  testing::TempDir directory_{"pins"};
  CacheOptions options_;
  std::unique_ptr<UpstreamOrigin> origin_;
  std::unique_ptr<PinList> list_;
  WallTime now_{std::chrono::hours(24 * 365 * 60)};  // Long after the files were written.
};

using Keys = std::vector<std::string>;

TEST_F(PinListTest, LinesAreKeysUrlsPatternsAndComments) {
  Write(
      "# what the build needs\n"
      "  https://github.com/git/git\t# a comment\n"
      "\r\n"
      "git@git.example.org:a/b.git\r\n"
      "github.com/Torvalds/*\n"
      "git.example.org/A/c#d");
  Open();
  EXPECT_TRUE(Reread());
  EXPECT_EQ(FirstProblem(),
            std::string(directory_ / "pins") + ":6: " + list_->problems()[0].error.message)
      << "a name with '#' in it is no comment";
  EXPECT_EQ(Whole(), (Keys{"github.com/git/git", "git.example.org/a/b"}));
  EXPECT_TRUE(list_->pins()->Match("github.com/torvalds/linux"));
  EXPECT_FALSE(list_->pins()->Match("github.com/torvalds/linux/x"));
  EXPECT_FALSE(list_->pins()->NamesWhole("github.com/torvalds/linux"));
}

TEST_F(PinListTest, TheConfigurationCountsBesideTheFile) {
  options_.never_evict = {"https://github.com/Git/Git.git", "github.com/a/*", "nonsense"};
  Write("github.com/git/git\ngithub.com/b/c\n");
  Open();
  EXPECT_EQ(Whole(), Keys{"github.com/git/git"}) << "before the file is read";
  EXPECT_EQ(FirstProblem().substr(0, 27), "cache.neverEvict: nonsense:");
  Reread();
  EXPECT_EQ(Whole(), (Keys{"github.com/git/git", "github.com/b/c"})) << "each once";
  EXPECT_EQ(list_->problems().size(), 1u);
}

TEST_F(PinListTest, ItIsReadWhenItHasChangedOnly) {
  Write("github.com/a/a\n");
  Open();
  EXPECT_TRUE(Reread());
  EXPECT_FALSE(Reread());
  Write("github.com/a/b\n");  // Of the same size.
  EXPECT_TRUE(Reread());
  EXPECT_EQ(Whole(), Keys{"github.com/a/b"});
  testing::WriteFile(directory_ / "new", "github.com/a/c\n");
  std::filesystem::rename(directory_ / "new", directory_ / "pins");
  EXPECT_TRUE(Reread());
  EXPECT_EQ(Whole(), Keys{"github.com/a/c"});
  EXPECT_FALSE(Reread());
}

TEST_F(PinListTest, TheSameWordsAreNoNews) {
  now_ = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  Write("github.com/a/a\nnonsense\n");
  Open();
  EXPECT_TRUE(Reread());
  EXPECT_FALSE(Reread()) << "it was looked at again, since it may have changed within its stamp";
  Write("github.com/a/a\nnonsense\n");
  EXPECT_FALSE(Reread());
  EXPECT_EQ(list_->problems().size(), 1u);
}

TEST_F(PinListTest, WhatIsWrongLeavesTheLastGoodContentInForce) {
  Write("github.com/a/a\n");
  Open();
  Reread();
  Write("github.com/a/b\n\nunknown.example/a/b\n");
  EXPECT_TRUE(Reread());
  EXPECT_EQ(Whole(), Keys{"github.com/a/a"});
  EXPECT_EQ(FirstProblem(), std::string(directory_ / "pins") +
                                ":3: unknown.example/a/b: host unknown.example is not configured; "
                                "add it under hosts:");
  std::filesystem::remove(directory_ / "pins");
  EXPECT_TRUE(Reread());
  EXPECT_EQ(Whole(), Keys{"github.com/a/a"});
  EXPECT_FALSE(FirstProblem().empty());
  EXPECT_FALSE(Reread());
  Write("github.com/a/c\n");
  EXPECT_TRUE(Reread());
  EXPECT_EQ(Whole(), Keys{"github.com/a/c"});
  EXPECT_EQ(FirstProblem(), "");
}

TEST_F(PinListTest, AtFirstTheRightLinesCount) {
  Write("github.com/a/a\n../../etc\nhttps://nowhere.example/a/b\ngithub.com/.x/y\n");
  Open();
  Reread();
  EXPECT_EQ(Whole(), Keys{"github.com/a/a"});
  EXPECT_EQ(list_->problems().size(), 3u);
}

TEST_F(PinListTest, WhatIsNoListIsRefused) {
  ASSERT_EQ(::mkfifo((directory_ / "pins").c_str(), 0600), 0);
  Open();
  EXPECT_TRUE(Reread()) << "a pipe is not waited for";
  EXPECT_NE(FirstProblem().find("no regular file"), std::string::npos) << FirstProblem();
  std::filesystem::remove(directory_ / "pins");
  Write(std::string(PinList::kFileMaxBytes + 1, '#'));
  Reread();
  EXPECT_NE(FirstProblem().find("larger than 1 MiB"), std::string::npos) << FirstProblem();
  std::string many;
  for (std::size_t i = 0; i <= PinList::kEntryCountMax; ++i) {
    many += "github.com/a/" + std::to_string(i) + "\n";
  }
  Write(many);
  Reread();
  EXPECT_NE(FirstProblem().find(":10001: more than 10000"), std::string::npos) << FirstProblem();
}

}  // namespace
}  // namespace reposfs
