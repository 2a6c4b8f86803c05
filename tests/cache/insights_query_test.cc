#include "cache/insights_query.h"

#include <gtest/gtest.h>

#include "tests/cache/insights_fixture.h"

namespace reposfs {
namespace {

class InsightsQueryTest : public InsightsFixture {
 protected:
  void SetUp() override {
    FillVaried();
    Open();
    Make("main");
    ASSERT_TRUE(store_->PutRepository(8, "h/o/second"));
    CommitFacts commit;
    commit.oid = git_.Find("main");
    commit.author = Identity{"Second", "second@x"};
    ASSERT_TRUE(store_->Add(8, {commit}));
    const auto known = store_->Commits(8);
    ASSERT_TRUE(store_->SetHead(8, {commit.oid.Hex(), kNow, {known->front().id}, {}, {}}));
  }

  Result<QueryAnswer> AskAll(const std::string& sql, const QueryLimits& limits = {}) {
    return QueryInsights(directory_ / "cache", "", sql, limits);
  }
  Errc Refusal(const std::string& sql, const QueryLimits& limits = {}) {
    const auto answer = AskAll(sql, limits);
    EXPECT_FALSE(answer) << sql;
    return answer ? Errc::kIo : answer.error().code;
  }
};

TEST_F(InsightsQueryTest, AQuestionOfOneRepositorySeesNoOther) {
  for (const char* view : {"commits", "authors", "changes"}) {
    EXPECT_EQ(Ask(std::string("SELECT DISTINCT repository FROM ") + view), "h/o/n\n") << view;
  }
  EXPECT_EQ(Ask("SELECT repository FROM repositories"), "h/o/n\n");
}

TEST_F(InsightsQueryTest, AllRepositoriesAnswerOneQuestion) {
  const auto answer = AskAll("SELECT repository, count(*) AS n FROM commits GROUP BY 1 ORDER BY 1");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->columns, (std::vector<std::string>{"repository", "n"}));
  ASSERT_EQ(answer->rows.size(), 2u);
  EXPECT_EQ(answer->rows[0][1].text, Git({"rev-list", "--count", "main"}));
  EXPECT_EQ(answer->rows[1][1].text, "1");
}

TEST_F(InsightsQueryTest, OnlySelectIsAllowed) {
  for (const char* sql :
       {"DELETE FROM commit_rows", "UPDATE author_rows SET name = ''", "CREATE TABLE t(x)",
        "ATTACH '/tmp/reposfs-attached.db' AS x", "PRAGMA journal_mode = DELETE", "VACUUM",
        "VACUUM INTO '/tmp/reposfs-vacuumed.db'", "BEGIN", "SELECT load_extension('x')",
        "SELECT 1; SELECT 2", "", "SELEC 1", "SELECT * FROM nothing"}) {
    EXPECT_EQ(Refusal(sql), Errc::kInvalidArgument) << sql;
  }
  EXPECT_FALSE(std::filesystem::exists("/tmp/reposfs-attached.db"));
  EXPECT_FALSE(std::filesystem::exists("/tmp/reposfs-vacuumed.db"));
}

TEST_F(InsightsQueryTest, AnEndlessQuestionEnds) {
  constexpr char kEndless[] =
      "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT ";
  EXPECT_EQ(Refusal(kEndless + std::string("count(*) FROM t"),
                    {.timeout = std::chrono::milliseconds(50)}),
            Errc::kTimedOut);
  EXPECT_EQ(Refusal(kEndless + std::string("x FROM t"), {.row_count_max = 1'000}), Errc::kNoSpace);
  EXPECT_EQ(Refusal(kEndless + std::string("printf('%1000000d', x) FROM t"),
                    {.size_max_bytes = 10'000'000}),
            Errc::kNoSpace);
}

TEST_F(InsightsQueryTest, AnUnknownRepositoryIsNotFound) {
  const auto answer = QueryInsights(directory_ / "cache", "h/o/unknown", "SELECT 1");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kNotFound);
  EXPECT_EQ(QueryInsights(directory_ / "nothing", "", "SELECT 1").error().code, Errc::kNotFound);
}

TEST_F(InsightsQueryTest, AnswersWhileSomebodyWrites) {
  ASSERT_TRUE(MakeIn(*store_, "other"));
  EXPECT_EQ(Ask("SELECT 1"), "1\n");
  const auto document = ReadInsights(directory_ / "cache", kKey);
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->json, TextOf(*store_, "main")) << "not the one of another ref";
}

}  // namespace
}  // namespace reposfs
