// POST /bake on the HTTP address: a repository's insights for those who have no mount.

#include <gtest/gtest.h>

#include <future>

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

  std::string HttpAddress() { return daemon_.CliJson({"status"})["httpListen"].get<std::string>(); }
  // How many sockets the daemon has.
  int ConnectionCount() const {
    int count = 0;
    std::error_code error;
    const auto fds = "/proc/" + std::to_string(daemon_.pid()) + "/fd";
    for (const auto& fd : std::filesystem::directory_iterator(fds, error)) {
      count += std::filesystem::read_symlink(fd, error).string().starts_with("socket:") ? 1 : 0;
    }
    return count;
  }
  Answer Ask(const Argv& options, const std::string& path) {
    Argv argv = {"curl", "-s", "-w", "\n%{http_code}"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.push_back("http://" + HttpAddress() + path);
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

TEST_F(BakeTest, AnEmptyRepositoryHasNoCommits) {
  server_.Create("b/empty");
  ASSERT_TRUE(daemon_.Start());
  const Answer answer = BakeUrl(server_.Url("b/empty"));
  ASSERT_EQ(answer.status, 200) << answer.body.dump(2);
  EXPECT_EQ(answer.body["commits"]["total"], 0);
  EXPECT_EQ(answer.body["history"], "complete");
  EXPECT_EQ(Ask({}, "/v1/repos/" + Key("b/empty") + "/insights").status, 200);
}

TEST_F(BakeTest, WithoutHistoriesTheFilesAreToldOf) {
  FillSmall(server_.Create("b/files"));
  daemon_.Set("history", "none");
  ASSERT_TRUE(daemon_.Start());
  Answer last;
  EXPECT_TRUE(WaitUntil(
      [&] {
        last = BakeUrl(server_.Url("b/files"));
        return last.status == 200;
      },
      kSoon));
  EXPECT_EQ(last.body["history"], "none");
  EXPECT_EQ(daemon_.Stage(Key("b/files")), "content");
}

TEST_F(BakeTest, ManySlowOnesDoNotKeepOthersWaiting) {
  // Eight threads that wait a second each would need eight seconds.
  constexpr int kSlowCount = 64;
  constexpr auto kAllOfThem = std::chrono::seconds(5);
  FillSmall(server_.Create("b/slow"));
  server_.Hold("b/slow", ".");
  ASSERT_TRUE(daemon_.Start());
  const std::string many = "[1-" + std::to_string(kSlowCount) + "]";
  const std::string body = json{{"url", server_.Url("b/slow")}}.dump();
  const auto before = std::chrono::steady_clock::now();
  const CommandResult slow =
      Execute({"curl", "-s", "-Z", "--parallel-max", std::to_string(kSlowCount), "-w",
               "%{http_code} ", "-o", "/dev/null", "-H", "Content-Type: application/json", "-d",
               body, "http://" + HttpAddress() + "/bake?" + many});
  EXPECT_LT(std::chrono::steady_clock::now() - before, kAllOfThem);
  std::string all_accepted;
  for (int i = 0; i < kSlowCount; ++i) all_accepted += "202 ";
  EXPECT_EQ(slow.out, all_accepted) << slow;
  server_.Release("b/slow");
}

TEST_F(BakeTest, WhoPinsOrRefreshesASlowOneKeepsNobodyWaiting) {
  constexpr int kCount = 14;  // More than there are threads.
  FillSmall(server_.Create("b/slow"));
  FillSmall(server_.Create("b/known"));
  ASSERT_TRUE(daemon_.Start());
  ASSERT_TRUE(daemon_.Warm(Key("b/known")));
  server_.Hold("b/slow", ".");
  server_.Hold("b/known", ".");
  const int before = ConnectionCount();
  std::vector<std::future<int>> waiting;
  for (int i = 0; i < kCount; ++i) {
    const Argv command = i % 2 == 0 ? Argv{"pin", Key("b/slow")} : Argv{"refresh", Key("b/known")};
    waiting.push_back(
        std::async(std::launch::async, [this, command] { return daemon_.Cli(command).status; }));
  }
  // A connection or two of what came before may have closed since it was counted.
  EXPECT_TRUE(WaitUntil([&] { return ConnectionCount() >= before + kCount - 2; }, kSoon));
  EXPECT_EQ(daemon_.CliJson({"status"})["mountpoint"], daemon_.mountpoint().string());
  EXPECT_EQ(waiting[0].wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  server_.Release("b/slow");
  server_.Release("b/known");
  for (auto& status : waiting) EXPECT_EQ(status.get(), 0);
  EXPECT_EQ(daemon_.Show(Key("b/slow"))["pinned"], true);
}

TEST_F(BakeTest, WhatIsNotThereIsAskedForOnce) {
  ASSERT_TRUE(daemon_.Start());
  EXPECT_EQ(BakeUrl(server_.Url("b/none")).status, 404);
  server_.ForgetRequests();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(BakeUrl(server_.Url("b/none")).status, 404);
  EXPECT_TRUE(server_.Requests("b/none").empty());
  FillSmall(server_.Create("b/none"));
  EXPECT_TRUE(daemon_.Warm(Key("b/none"))) << "who asks on purpose asks the host";
  EXPECT_NE(BakeUrl(server_.Url("b/none")).status, 404);
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
