// Every number of the insights is git's own.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "base/text.h"
#include "tests/cache/insights_fixture.h"

namespace reposfs {
namespace {

using nlohmann::json;

class InsightsTest : public InsightsFixture {
 protected:
  // What `git log --numstat` says of each commit: "<oid>|<added>|<deleted>|<files>", sorted.
  std::vector<std::string> CommitsOfGit(const std::string& revision) {
    std::istringstream log(Git({"log", "--numstat", "--format=c%H", revision}));
    std::vector<std::string> commits;
    std::string oid;
    std::int64_t added = 0;
    std::int64_t deleted = 0;
    int files = 0;
    const auto flush = [&] {
      if (oid.empty()) return;
      commits.push_back(oid + "|" + std::to_string(added) + "|" + std::to_string(deleted) + "|" +
                        std::to_string(files));
      added = deleted = files = 0;
    };
    for (std::string line; std::getline(log, line);) {
      const auto words = Split(line, '\t');
      if (line.starts_with('c') && words.size() == 1) {
        flush();
        oid = line.substr(1);
      } else if (words.size() >= 3) {
        added += std::atoi(std::string(words[0]).c_str());
        deleted += std::atoi(std::string(words[1]).c_str());
        ++files;
      }
    }
    flush();
    std::sort(commits.begin(), commits.end());
    return commits;
  }

  // "<commits>\t<name> <email>", as shortlog orders them not.
  std::vector<std::string> AuthorsOfGit(const std::string& revision) {
    std::vector<std::string> authors;
    const std::string log =
        Git({"-c", "mailmap.blob=" + revision + ":.mailmap", "shortlog", "-sne", revision});
    for (const std::string_view line : Split(log, '\n')) {
      const std::string_view trimmed = line.substr(line.find_first_not_of(' '));
      const std::size_t tab = trimmed.find('\t');
      authors.push_back(std::string(trimmed.substr(0, tab)) + "\t" +
                        Printable(trimmed.substr(tab + 1)));
    }
    std::sort(authors.begin(), authors.end());
    return authors;
  }

  static std::vector<std::string> AuthorsOf(const json& insights) {
    std::vector<std::string> authors;
    for (const json& author : insights["authors"]) {
      const std::string name = author["name"];
      authors.push_back(author["commits"].dump() + "\t" + name + " <" +
                        std::string(author["email"]) + ">");
    }
    std::sort(authors.begin(), authors.end());
    return authors;
  }

  void ExpectEqualsGit(const std::string& revision) {
    const json insights = Make(revision);
    ASSERT_TRUE(insights.is_object());
    EXPECT_EQ(insights["commits"]["total"].dump(), Git({"rev-list", "--count", revision}));
    EXPECT_EQ(insights["commits"]["merges"].dump(),
              Git({"rev-list", "--count", "--merges", revision}));
    EXPECT_EQ(AuthorsOf(insights), AuthorsOfGit(revision));
    std::vector<std::string> expected = CommitsOfGit(revision);
    std::string lines;
    for (const std::string& line : expected) lines += line + "\n";
    EXPECT_EQ(Ask("SELECT oid, added, deleted, files FROM commits ORDER BY oid"), lines);
    EXPECT_EQ(Ask("SELECT sum(files) FROM commits"), Ask("SELECT count(*) FROM changes"));
    EXPECT_EQ(insights["churn"]["added"].dump() + "\n", Ask("SELECT sum(added) FROM changes"));
    EXPECT_EQ(insights["churn"]["deleted"].dump() + "\n", Ask("SELECT sum(deleted) FROM changes"));
    ExpectValid(revision);
  }

  void ExpectValid(const std::string& revision) {
    testing::WriteFile(directory_ / "insights.json", TextOf(*store_, revision));
    const auto checked = testing::Execute(
        {"python3", "-c",
         "import json, sys, jsonschema\n"
         "jsonschema.validate(json.load(open(sys.argv[1])), json.load(open(sys.argv[2])))",
         (directory_ / "insights.json").string(), INSIGHTS_SCHEMA});
    EXPECT_TRUE(checked.ok()) << checked;
  }
};

TEST_F(InsightsTest, OfAVariedHistoryEqualWhatGitSays) {
  FillVaried();
  Open();
  ExpectEqualsGit("main");
  EXPECT_EQ(Ask("SELECT path FROM changes WHERE path LIKE 'tab%'"),
            "tab\\x09new\\x0aline \"q\" \\xff\n");
  EXPECT_EQ(Ask("SELECT DISTINCT name FROM authors WHERE email = 'bob@new'"), "Robert\n");
}

TEST_F(InsightsTest, OfALongHistoryEqualWhatGitSays) {
  testing::FillHistory(git_.path(), {.commit_count = 1'500, .file_count = 60, .file_bytes = 300});
  Open();
  ExpectEqualsGit("main");
}

TEST_F(InsightsTest, OfAHistoryWithBranchesEqualWhatGitSays) {
  testing::FillSmall(git_.path());
  Open();
  ExpectEqualsGit("main");
}

TEST_F(InsightsTest, NoSettingOfTheUserChangesThem) {
  FillVaried();
  Open();
  testing::WriteFile(directory_ / "config",
                     "[diff]\n\trenames = false\n[log]\n\tshowRoot = false\n");
  const char* before = std::getenv("GIT_CONFIG_GLOBAL");
  const std::string saved = before != nullptr ? before : "";
  setenv("GIT_CONFIG_GLOBAL", (directory_ / "config").c_str(), 1);
  const json insights = Make("main");
  before != nullptr ? setenv("GIT_CONFIG_GLOBAL", saved.c_str(), 1) : unsetenv("GIT_CONFIG_GLOBAL");
  auto other = OpenStore("other");
  ASSERT_TRUE(MakeIn(*other, "main"));
  EXPECT_EQ(TextOf(*store_, "main"), TextOf(*other, "main"));
  EXPECT_EQ(Ask("SELECT added FROM commits WHERE subject = 'rename'"), "1\n");
}

TEST_F(InsightsTest, WhatTheFilesTell) {
  FillVaried();
  Open();
  const json insights = Make("main");
  EXPECT_EQ(insights["license"], (json{{"spdx", "MIT"}, {"file", "LICENSE"}}));
  EXPECT_EQ(insights["size"]["tipFiles"].dump(),
            std::to_string(Split(Git({"ls-tree", "-r", "main"}), '\n').size()));
  EXPECT_EQ(insights["languages"][0]["name"], "C");
  EXPECT_EQ(insights["releases"]["list"][0]["tag"], "v1.0");
  for (const json& file : insights["files"]["changedMost"]) {
    const bool gone = file["path"] == "a.c" || file["path"] == "x.bin" || file["path"] == "z.rs";
    EXPECT_EQ(file["inTip"], !gone) << file;
  }
}

TEST_F(InsightsTest, HoursAreThoseOfTheAuthorsClock) {
  testing::RepositoryBuilder builder(git_.path());
  builder.SetTime(1'700'000'000);  // Tuesday, 22:13 UTC.
  builder.SetAuthor("A <a>", "+0530");
  builder.Commit("main", "one", {testing::File("a", "1\n")});
  builder.Finish();
  Open();
  const json insights = Make("main");
  EXPECT_EQ(insights["activity"][2][3], 1) << "Wednesday, 3:43";
}

TEST_F(InsightsTest, TheFewestWhoWroteHalfAreTheBusFactor) {
  testing::RepositoryBuilder builder(git_.path());
  const auto commit = [&](const std::string& author, int count) {
    builder.SetAuthor(author + " <" + author + ">");
    for (int i = 0; i < count; ++i)
      builder.Commit("main", "c", {testing::File("f", author + std::to_string(i))});
  };
  commit("a", 3);
  commit("b", 2);
  commit("c", 2);
  commit("d", 1);
  builder.Finish();
  Open();
  EXPECT_EQ(Make("main")["busFactor"], 2) << "3 of 8 are less than half, 5 are more";
}

TEST_F(InsightsTest, AddingNewCommitsGivesTheSameAsBeginningAnew) {
  FillVaried();
  Open();
  Make("main~4");
  Make("main~1");
  Make("main");
  auto fresh = OpenStore("fresh");
  ASSERT_TRUE(MakeIn(*fresh, "main"));
  EXPECT_EQ(TextOf(*store_, "main"), TextOf(*fresh, "main"));
}

TEST_F(InsightsTest, NewCommitsAreAllThatIsRead) {
  FillVaried();
  Open();
  SetHead("main~1");
  Make("main~1");
  SetHead("main");
  const std::string before = Ask("SELECT max(id) FROM commits");
  Make("main");
  EXPECT_EQ(Ask("SELECT count(*) FROM commits WHERE id > " + before.substr(0, before.size() - 1)),
            "1\n");
}

TEST_F(InsightsTest, ARewrittenHistoryLeavesNothingOfTheOldOne) {
  FillVaried();
  Open();
  Make("main");
  SetHead("other");
  ExpectEqualsGit("other");
  SetHead("main");
  ExpectEqualsGit("main");
}

TEST_F(InsightsTest, AnotherRefsInsightsDoNotTouchTheHead) {
  FillVaried();
  Open();
  Make("main");
  const json other = Make("other");
  EXPECT_EQ(other["commits"]["total"], 1);
  EXPECT_EQ(Ask("SELECT count(*) FROM commits"), Git({"rev-list", "--count", "main"}) + "\n");
}

TEST_F(InsightsTest, AStopInTheMiddleIsGoneOnFrom) {
  testing::FillHistory(git_.path(), {.commit_count = 400, .file_count = 30, .file_bytes = 100});
  Open();
  for (int calls = 1; calls < 4; ++calls) {
    int left = calls;
    const Status stopped = MakeIn(*store_, "main", [&]() -> Status {
      if (--left >= 0) return {};
      return Error{Errc::kInterrupted, "stop"};
    });
    EXPECT_TRUE(stopped || stopped.error().code == Errc::kInterrupted);
  }
  ExpectEqualsGit("main");
}

TEST_F(InsightsTest, AHistoryThatIsCutOffIsNotCounted) {
  FillVaried();
  Open();
  testing::WriteFile(store_path_ / "shallow", Git({"rev-parse", "main~2"}) + "\n");
  const json insights = Make("main");
  EXPECT_EQ(insights["history"], "not here yet");
  EXPECT_TRUE(insights["commits"]["total"].is_null());
  EXPECT_FALSE(insights["languages"].empty());
  ExpectValid("main");
}

TEST_F(InsightsTest, AbsurdDatesAndNamesAreShownAllTheSame) {
  testing::RepositoryBuilder builder(git_.path());
  builder.SetAuthor(std::string(200'000, 'n') + " <long@x>");
  builder.SetTime(1);
  builder.Commit("main", std::string(100'000, 's'), {testing::File("a", "1\n")});
  builder.SetAuthor("Far <far@x>", "+1400");
  builder.SetTime(250'000'000'000);
  builder.Commit("main", "far", {testing::File("a", "2\n")});
  builder.Finish();
  Open();
  const json insights = Make("main");
  EXPECT_EQ(insights["commits"]["total"], 2);
  EXPECT_EQ(insights["commits"]["last"], "9892-03-08T12:26:40Z") << insights["commits"];
  ExpectValid("main");
}

TEST_F(InsightsTest, WhatIsForgottenIsGone) {
  FillVaried();
  Open();
  Make("main");
  ASSERT_TRUE(store_->Forget(7, [] { return true; }));
  EXPECT_EQ(TextOf(*store_, "main"), "");
  EXPECT_TRUE(store_->Repositories()->empty());
  EXPECT_TRUE(store_->Commits(7)->empty());
  ExpectEqualsGit("main");
}

TEST_F(InsightsTest, AnotherRepositoryOfTheSameIdInheritsNothing) {
  FillVaried();
  Open();
  Make("main");
  ASSERT_TRUE(store_->PutRepository(7, "h/o/other"));
  EXPECT_TRUE(store_->Commits(7)->empty());
  EXPECT_EQ(TextOf(*store_, "main"), "");
}

TEST_F(InsightsTest, ADamagedFileIsReplaced) {
  FillVaried();
  Open();
  Make("main");
  store_.reset();
  testing::WriteFile(directory_ / "cache/insights.db", std::string(10'000, 'x'));
  for (const char* more : {"insights.db-wal", "insights.db-shm"}) {
    std::filesystem::remove(directory_ / "cache" / more);
  }
  store_ = OpenStore("cache");
  ExpectEqualsGit("main");
}

TEST_F(InsightsTest, OnlyTheLatestDocumentsAreKept) {
  FillVaried();
  Open();
  for (int i = 0; i < InsightsStore::kDocumentsMax + 3; ++i) {
    ASSERT_TRUE(store_->PutRepository(7, kKey));
    ASSERT_TRUE(store_->PutDocument(7, std::to_string(i), InsightsDocument{}));
  }
  EXPECT_FALSE(*store_->Document(7, kKey, "2"));
  EXPECT_TRUE(*store_->Document(7, kKey, "3"));
}

}  // namespace
}  // namespace reposfs
