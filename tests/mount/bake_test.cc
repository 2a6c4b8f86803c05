// POST /bake on the HTTP address: a repository's insights for those who have no mount.

#include <gtest/gtest.h>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

using nlohmann::json;

constexpr auto kSoon = std::chrono::seconds(60);

class BakeTest : public MountTest {
 protected:
  struct Answer {
    int status = 0;
    json body;
  };

  Answer Ask(const Argv& options, const std::string& path) {
    Argv argv = {"curl", "-s", "-w", "\n%{http_code}"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.push_back("http://" + daemon_.CliJson({"status"})["httpListen"].get<std::string>() + path);
    const CommandResult result = Execute(argv);
    const std::size_t end = result.out.rfind('\n');
    EXPECT_TRUE(result.ok() && end != std::string::npos) << result;
    if (end == std::string::npos) return {};
    return {std::atoi(result.out.c_str() + end + 1),
            json::parse(result.out.substr(0, end), nullptr, false)};
  }
  Answer Bake(const std::string& body, const std::string& type = "application/json") {
    return Ask({"-H", "Content-Type: " + type, "-d", body}, "/bake");
  }
  Answer BakeUrl(const std::string& url) { return Bake(json{{"url", url}}.dump()); }
};

TEST_F(BakeTest, ARepositoryIsFetchedAndItsInsightsAreTheAnswer) {
  FillSmall(server_.Create("b/small"));
  ASSERT_TRUE(daemon_.Start());
  Answer last;
  EXPECT_TRUE(WaitUntil(
      [&] {
        last = BakeUrl(server_.Url("b/small"));
        EXPECT_TRUE(last.status == 200 || last.status == 202) << last.body.dump(2);
        return last.status != 202;
      },
      kSoon));
  ASSERT_EQ(last.status, 200) << last.body.dump(2);
  EXPECT_EQ(last.body["key"], Key("b/small"));
  EXPECT_EQ(std::to_string(last.body["commits"]["total"].get<int>()),
            Git(server_.Path("b/small"), {"rev-list", "--count", "main"}));
}

TEST_F(BakeTest, WhatTakesItsTimeIsToBeFollowed) {
  FillSmall(server_.Create("b/slow"));
  server_.HoldContent("b/slow");
  ASSERT_TRUE(daemon_.Start());
  const Answer held = BakeUrl(server_.Url("b/slow"));
  ASSERT_EQ(held.status, 202) << held.body.dump(2);
  EXPECT_EQ(held.body["stage"], "tip");
  server_.Release("b/slow");
  const std::string insights = held.body["insights"];
  EXPECT_TRUE(WaitUntil([&] { return Ask({}, insights).body["history"] == "complete"; }, kSoon));
  EXPECT_EQ(Ask({}, held.body["repository"]).body["stage"], "complete");
}

TEST_F(BakeTest, ABakedRepositoryIsBroughtUpToDate) {
  FillSmall(server_.Create("b/changes"));
  ASSERT_TRUE(daemon_.Start());
  const auto baked_commit = [&] {
    const Answer answer = BakeUrl(server_.Url("b/changes"));
    return answer.status == 200 ? answer.body["commit"].get<std::string>() : std::string();
  };
  EXPECT_TRUE(WaitUntil([&] { return !baked_commit().empty(); }, kSoon));
  const std::string head = AddCommit(server_.Path("b/changes"), "main", "new\n");
  EXPECT_TRUE(WaitUntil([&] { return baked_commit() == head; }, kSoon));
}

TEST_F(BakeTest, NonsenseIsToldApart) {
  ASSERT_TRUE(daemon_.Start());
  EXPECT_EQ(Bake("{").status, 400);
  EXPECT_EQ(Bake("[]").status, 400);
  EXPECT_EQ(Bake("{\"url\": 7}").status, 400);
  EXPECT_EQ(BakeUrl("b/small").status, 400);
  EXPECT_EQ(BakeUrl("https://").status, 400);
  EXPECT_EQ(BakeUrl("https://x y/a/b").status, 400);
  EXPECT_EQ(BakeUrl("https://unknown.example/a/b").status, 422);
  EXPECT_EQ(BakeUrl(server_.Url("b/none")).status, 404);
  EXPECT_EQ(Bake(json{{"url", server_.Url("b/none")}}.dump(), "text/plain").status, 415)
      << "or any page in a browser could ask for it";
  EXPECT_EQ(Ask({"-X", "POST"}, "/v1/repos/test/b/small/evict").status, 403);
}

TEST_F(BakeTest, WhoAsksWhetherItLivesIsAnswered) {
  ASSERT_TRUE(daemon_.Start());
  EXPECT_EQ(Ask({}, "/healthz").status, 200);
  EXPECT_EQ(Ask({}, "/readyz").body["status"], "ok");
}

}  // namespace
}  // namespace reposfs::testing
