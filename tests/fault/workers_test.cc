// Jobs in processes of their own: what becomes of them costs their own jobs a retry, and the mount
// nothing.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

constexpr auto kSettleTimeout = std::chrono::minutes(3);
constexpr auto kLeaseTimeout = std::chrono::seconds(60);

// Four jobs each: 100 in the suite, 2,000 with TEST_LONG.
int RepositoryCount() {
  return std::getenv("TEST_LONG") != nullptr ? 500 : 25;
}

class WorkersTest : public MountTest {
 protected:
  ChildProcess StartWorker(const std::string& kinds) {
    return ChildProcess::Start(
        {Binary(), "worker", "--job=" + kinds, "--config", daemon_.config_file().string()},
        scratch_ / "worker.log");
  }

  nlohmann::json Host() const {
    const nlohmann::json hosts = daemon_.CliJson({"status"})["hosts"];
    return hosts.empty() ? nlohmann::json() : hosts[0];
  }

  // Packs that the server holds back, or held back when their process was killed.
  std::size_t HeldCount() const {
    std::size_t count = 0;
    for (const GitRequest& request : server_.Fetches()) {
      if (request.deepen && request.filter.empty()) ++count;
    }
    return count;
  }
  // Whether `holds` stays true for a while in which more than one of any process would begin.
  template <typename Holds>
  static bool StaysSo(Holds holds) {
    return !WaitUntil([&] { return !holds(); }, milliseconds(1'000));
  }

  nlohmann::json Problems() const { return daemon_.CliJson({"status"})["problems"]; }

  nlohmann::json Jobs() const { return daemon_.CliJson({"jobs"}); }

  void ExpectWhole(const std::string& name) {
    const std::string expected = scratch_ / ("expected-" + std::to_string(round_++));
    AddWorktree(server_.Path(name), expected, "main");
    EXPECT_TRUE(CompareTrees(expected, Path(name)).equal()) << CompareTrees(expected, Path(name));
    std::filesystem::remove_all(expected);
    const std::string git_dir = (Path(name) / ".git").string();
    EXPECT_EQ(Output({"git", "--git-dir", git_dir, "rev-list", "--count", "HEAD"}),
              Git(server_.Path(name), {"rev-list", "--count", "main"}));
  }

  void ExpectABusyHostIsLeftAlone();

  std::mt19937 random_{static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed())};
  int round_ = 0;
};

TEST_F(WorkersTest, TwoOfThemAndTheDaemonKilledAtRandomBringEverythingOnce) {
  std::vector<std::string> names;
  for (int i = 0; i < RepositoryCount(); ++i) {
    names.push_back("w/r" + std::to_string(i));
    FillHistory(server_.Create(names.back()), {.commit_count = 10, .file_count = 5});
  }
  daemon_.Set("jobs.lease", "10s");
  ASSERT_TRUE(daemon_.Start());
  const std::string kinds = "clone,fetch,hydrate,history,maintain";
  std::vector<ChildProcess> workers;
  for (int i = 0; i < 2; ++i) workers.push_back(StartWorker(kinds));
  Argv warm = {"warm", "--stage", "complete", "--no-wait"};
  for (const std::string& name : names) warm.push_back(Key(name));
  ASSERT_TRUE(daemon_.Cli(warm).ok());

  const auto complete_count = [&] {
    int count = 0;
    for (const auto& repository : daemon_.CliJson({"list"})) {
      if (repository["stage"] == "complete") ++count;
    }
    return count;
  };
  const auto deadline = std::chrono::steady_clock::now() + kSettleTimeout;
  while (complete_count() < RepositoryCount()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << Jobs().dump(2);
    SleepFor(milliseconds(50 + random_() % 400));
    const std::size_t victim = random_() % 3;
    if (victim < workers.size()) {
      workers[victim].Kill();
      workers[victim] = StartWorker(kinds);
    } else {
      daemon_.Kill9();
      ASSERT_TRUE(daemon_.Start());
      ASSERT_TRUE(daemon_.Cli(warm).ok());
    }
  }
  EXPECT_TRUE(WaitUntil([&] { return Jobs().empty(); }, kSettleTimeout)) << Jobs().dump(2);
  for (const std::string& name : names) ExpectWhole(name);
  EXPECT_TRUE(WaitUntil([&] { return List(daemon_.cache() / "tmp").empty(); }, kLeaseTimeout))
      << Sh("find '" + (daemon_.cache() / "tmp").string() + "'");
}

TEST_F(WorkersTest, AHungOneLosesItsJobAndDoesNoHarmWhenItWakesUp) {
  FillHistory(server_.Create("w/hung"), {.commit_count = 50, .file_count = 50});
  daemon_.Set("jobs.inline", "[clone, fetch, insights, evict]");
  daemon_.Set("jobs.lease", "3s");
  ASSERT_TRUE(daemon_.Start());
  server_.HoldContent("w/hung");
  ChildProcess hung = StartWorker("hydrate,history,maintain");
  ASSERT_EQ(ErrnoOfList(Path("w/hung")), 0);
  ASSERT_TRUE(WaitUntil(
      [&] {
        return !daemon_.CliJson({"jobs", "--state", "running"}).empty();
      },
      kLeaseTimeout));
  hung.Signal(SIGSTOP);
  server_.Release("w/hung");
  ChildProcess other = StartWorker("hydrate,history,maintain");
  ASSERT_TRUE(daemon_.WaitForStage(Key("w/hung"), "complete", kLeaseTimeout));
  hung.Signal(SIGCONT);
  EXPECT_TRUE(WaitUntil([&] { return Jobs().empty(); }, kLeaseTimeout)) << Jobs().dump(2);
  ExpectWhole("w/hung");
}

TEST_F(WorkersTest, ThePlacesOfAHostAreThoseOfAllProcesses) {
  constexpr int kRepositoryCount = 8;
  for (int i = 0; i < kRepositoryCount; ++i) FillSmall(server_.Create("w/p" + std::to_string(i)));
  FillSmall(server_.Create("w/new"));
  // Two of the four for what nobody waits for.
  daemon_.AddHost("test", server_.UrlTemplate(), ", maxConcurrentFetches: 4");
  daemon_.Set("jobs.inline", "[clone, fetch, evict]");
  ASSERT_TRUE(daemon_.Start());
  server_.HoldContent("");
  for (int i = 0; i < kRepositoryCount; ++i) {
    ASSERT_EQ(ErrnoOfList(Path("w/p" + std::to_string(i))), 0);
  }
  ChildProcess first = StartWorker("hydrate,history,maintain");
  ASSERT_TRUE(WaitUntil([&] { return HeldCount() == 2; }, kLeaseTimeout));
  ChildProcess second = StartWorker("hydrate,history,maintain");
  ASSERT_TRUE(WaitUntil([&] { return daemon_.CliJson({"status"})["processes"].size() == 3; },
                        kLeaseTimeout));
  EXPECT_TRUE(StaysSo([&] { return HeldCount() == 2; })) << HeldCount();
  EXPECT_EQ(Host()["running"], 2) << Host();
  EXPECT_EQ(Host()["queued"], kRepositoryCount - 2) << Host();
  EXPECT_EQ(ErrnoOfList(Path("w/new")), 0) << "somebody waits: there is a place";
  first.Kill();
  EXPECT_TRUE(WaitUntil([&] { return HeldCount() == 4; }, kLeaseTimeout)) << "it gave them back";
  EXPECT_TRUE(StaysSo([&] { return HeldCount() == 4; })) << HeldCount();
  EXPECT_EQ(Host()["running"], 2) << Host();
  server_.Release();
  EXPECT_TRUE(daemon_.WaitForStage(Key("w/p0"), "complete", kLeaseTimeout));
}

TEST_F(WorkersTest, TheRequestsOfAMinuteAreThoseOfAllProcesses) {
  constexpr std::size_t kRequestsMax = 12;
  daemon_.AddHost("test", server_.UrlTemplate(),
                  ", requestsPerMinute: " + std::to_string(kRequestsMax));
  ASSERT_TRUE(daemon_.Start());
  const std::string kinds = "clone,fetch,hydrate,history,maintain";
  ChildProcess first = StartWorker(kinds);
  ChildProcess second = StartWorker(kinds);
  Argv warm = {"warm", "--stage", "complete", "--no-wait"};
  for (int i = 0; i < 10; ++i) {
    const std::string name = "w/q" + std::to_string(i);
    FillSmall(server_.Create(name));
    warm.push_back(Key(name));
  }
  ASSERT_TRUE(daemon_.Cli(warm).ok());
  ASSERT_TRUE(WaitUntil([&] { return Host()["requestsLeft"] == 0; }, kLeaseTimeout)) << Host();
  EXPECT_TRUE(StaysSo([&] { return server_.Requests().size() <= kRequestsMax; }));
  first.Kill();
  daemon_.Kill9();
  ChildProcess third = StartWorker(kinds);
  ASSERT_TRUE(daemon_.Start());
  ASSERT_TRUE(daemon_.Cli(warm).ok());
  EXPECT_TRUE(StaysSo([&] { return server_.Requests().size() <= kRequestsMax; }))
      << server_.Requests().size();
  EXPECT_EQ(Host()["requestsLeft"], 0) << Host();
  EXPECT_GT(server_.Requests().size(), kRequestsMax / 2) << "or nothing was shown";
}

TEST_F(WorkersTest, WithoutAnyCachedRepositoriesAreReadAsBefore) {
  FillSmall(server_.Create("w/cached"));
  FillSmall(server_.Create("w/new"));
  ASSERT_TRUE(daemon_.Start());
  ASSERT_TRUE(daemon_.Warm(Key("w/cached")));
  daemon_.Set("jobs.inline", "[evict]");
  ASSERT_TRUE(daemon_.Restart());
  ASSERT_TRUE(daemon_.Cli({"warm", "--no-wait", Key("w/new")}).ok());
  ASSERT_TRUE(WaitUntil([&] { return !Jobs().empty(); }, kLeaseTimeout));
  ExpectWhole("w/cached");
  EXPECT_EQ(Jobs()[0]["state"], "queued");
  const auto is_told = [&] {
    const nlohmann::json problems = Problems();
    return std::any_of(problems.begin(), problems.end(), [](const nlohmann::json& problem) {
      return problem.value("jobs", "") == "clone";
    });
  };
  EXPECT_TRUE(WaitUntil(is_told, kLeaseTimeout)) << Problems();
  ChildProcess worker = StartWorker("clone,fetch,hydrate,history,maintain,insights");
  EXPECT_TRUE(daemon_.WaitForStage(Key("w/new"), "complete", kLeaseTimeout));
  ExpectWhole("w/new");
  EXPECT_TRUE(WaitUntil([&] { return Problems().empty(); }, kLeaseTimeout)) << Problems();
}

TEST_F(WorkersTest, AFullQueueThatNobodyWorksOffIsInNoReadersWay) {
  constexpr int kJobCount = 2'000;
  FillSmall(server_.Create("w/cached"));
  ASSERT_TRUE(daemon_.Start());
  ASSERT_TRUE(daemon_.Warm(Key("w/cached")));
  daemon_.Set("jobs.inline", "[evict]");
  daemon_.Set("freshness.maxAge", "1h");
  ASSERT_TRUE(daemon_.Restart());
  Output({"sqlite3", "-cmd", ".timeout 20000", (daemon_.cache() / "catalog.db").string(),
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
              std::to_string(kJobCount) +
              ") INSERT INTO jobs (repository, kind, argument, priority, state, not_before, "
              "created_at) SELECT 1, 'hydrate', printf('%040x', i), 60, 'queued', 0, 0 FROM n;"});
  server_.ForgetRequests();
  ASSERT_TRUE(WaitUntil([&] { return Jobs().size() >= kJobCount; }, kLeaseTimeout));
  ExpectWhole("w/cached");
  EXPECT_TRUE(server_.Requests().empty());
  EXPECT_EQ(daemon_.CliJson({"status"})["parkedRequests"], 0);
  EXPECT_GE(Jobs().size(), static_cast<std::size_t>(kJobCount)) << "nobody has waited for them";
}

TEST_F(WorkersTest, WhatAWorkerFetchesMakesRoomByTheDaemon) {
  FillRandom(server_.Create("w/old"), 3 << 20, 1);
  FillRandom(server_.Create("w/new"), 3 << 20, 2);
  daemon_.Set("cache.quota", "5MiB");
  daemon_.Set("jobs.inline", "[clone, fetch, insights, evict]");
  ASSERT_TRUE(daemon_.Start());
  ChildProcess worker = StartWorker("hydrate,history,maintain");
  ASSERT_TRUE(daemon_.Warm(Key("w/old"), "content"));
  ASSERT_TRUE(daemon_.Warm(Key("w/new"), "content"));
  EXPECT_TRUE(WaitUntil([&] { return daemon_.Stage(Key("w/old")) == "absent"; }, kLeaseTimeout));
}

TEST_F(WorkersTest, AJobThatFailedIsShownAndRetried) {
  FillSmall(server_.Create("w/private"));
  ASSERT_TRUE(daemon_.Start());
  ASSERT_TRUE(daemon_.Warm(Key("w/private")));
  std::filesystem::rename(server_.Path("w/private"), server_.Path("w/moved"));
  EXPECT_FALSE(daemon_.Cli({"refresh", Key("w/private")}).ok());
  const nlohmann::json failed = daemon_.CliJson({"jobs", "--state", "failed"});
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0]["kind"], "fetch");
  std::filesystem::rename(server_.Path("w/moved"), server_.Path("w/private"));
  ASSERT_TRUE(daemon_.Cli({"jobs", "--retry", failed[0]["id"].dump()}).ok());
  EXPECT_TRUE(WaitUntil([&] { return Jobs().empty(); }, kLeaseTimeout)) << Jobs().dump(2);
  const CommandResult unknown = daemon_.Cli({"jobs", "--cancel", "4711"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_NE(unknown.err.find("4711"), std::string::npos) << unknown;
}

void WorkersTest::ExpectABusyHostIsLeftAlone() {
  GitServer other;
  FillSmall(other.Create("w/fine"));
  FillSmall(server_.Create("w/busy"));
  daemon_.AddHost("other", other.UrlTemplate());
  daemon_.Set("jobs.inline", "[clone, fetch, evict]");
  ASSERT_TRUE(daemon_.Start());
  ASSERT_EQ(ErrnoOfList(Path("w/busy")), 0);
  server_.SetFailure("", "429 Too Many Requests\r\nRetry-After: 4");
  ChildProcess worker = StartWorker("hydrate,history,maintain,insights");
  ASSERT_TRUE(
      WaitUntil([&] { return !daemon_.CliJson({"status"})["problems"].empty(); }, kLeaseTimeout));
  const auto asked = std::chrono::steady_clock::now();
  server_.ForgetRequests();
  server_.SetFailure("", "");
  EXPECT_EQ(daemon_.CliJson({"status"})["problems"].back().value("host", ""), "test");
  const CommandResult refused = daemon_.Cli({"refresh", Key("w/busy")});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("left alone"), std::string::npos) << refused;
  EXPECT_EQ(ErrnoOfList(daemon_ / "other/w/fine"), 0) << "another host";
  while (std::chrono::steady_clock::now() < asked + std::chrono::milliseconds(2'500)) {
    ASSERT_TRUE(server_.Requests().empty()) << "it has asked to be left alone";
    SleepFor(milliseconds(20));
  }
  EXPECT_TRUE(daemon_.WaitForStage(Key("w/busy"), "complete", kLeaseTimeout));
  EXPECT_TRUE(
      WaitUntil([&] { return daemon_.CliJson({"status"})["problems"].empty(); }, kLeaseTimeout));
}

TEST_F(WorkersTest, AHostThatAsksForItIsLeftAloneByAllAndOthersGoOn) {
  ExpectABusyHostIsLeftAlone();
}

TEST_F(WorkersTest, AHostThatAsksTheGitCommandForItIsLeftAloneToo) {
  daemon_.Set("fetch.client", "git");
  ExpectABusyHostIsLeftAlone();
}

}  // namespace
}  // namespace reposfs::testing
