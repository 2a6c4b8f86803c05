// However many ask first for the same thing, it is fetched once.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <functional>
#include <thread>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

constexpr int kThreads = 20;

class FirstAccessTest : public MountTest {
 protected:
  // Runs `access` on many threads at the same moment; true if it was true on all of them.
  static bool AtOnce(const std::function<bool(int)>& access) {
    std::barrier ready(kThreads);
    std::atomic<int> good = 0;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        ready.arrive_and_wait();
        if (access(thread)) good.fetch_add(1);
      });
    }
    for (std::thread& thread : threads) thread.join();
    return good.load() == kThreads;
  }

  // How often the server sent the tip without blobs, and with them.
  std::ptrdiff_t TipFetches(const std::string& name) {
    const auto fetches = server_.Fetches(name);
    return std::count_if(fetches.begin(), fetches.end(),
                         [](const GitRequest& fetch) { return fetch.filter == "blob:none"; });
  }
};

TEST_F(FirstAccessTest, TwentyReadersOfOneRepositoryCauseOneClone) {
  FillHistory(server_.Create("a/history"), {.commit_count = 30, .file_count = 30});
  Mount();
  EXPECT_TRUE(AtOnce([&](int) { return ErrnoOfList(Path("a/history") / "dir1/sub1") == 0; }));
  ASSERT_TRUE(daemon_.WaitForStage(Key("a/history"), "complete"));
  EXPECT_EQ(TipFetches("a/history"), 1);
  // Tip, content, history; and perhaps one directory ahead of the content.
  EXPECT_LE(server_.Fetches("a/history").size(), 4u);
}

TEST_F(FirstAccessTest, TheFirstStatTellsTheTimeOfTheCommit) {
  FillSmall(server_.Create("a/small"));
  Mount();
  struct stat first {};
  ASSERT_EQ(::stat(Path("a/small").c_str(), &first), 0);
  EXPECT_EQ(std::to_string(first.st_mtime),
            Git(server_.Path("a/small"), {"log", "-1", "--format=%ct", "main"}));
}

TEST_F(FirstAccessTest, TwentyReadersOfOneFileCauseOneHydration) {
  FillHistory(server_.Create("a/history"), {.commit_count = 3, .file_count = 30});
  server_.HoldContent("a/history");
  daemon_.Set("history", "none");
  Mount();
  const std::string name = "dir1/sub1/file1.c";
  EXPECT_TRUE(AtOnce([&](int) { return ErrnoOfRead(Path("a/history") / name) == 0; }));
  auto fetches = server_.Fetches("a/history");
  std::erase_if(fetches, [](const GitRequest& fetch) { return fetch.deepen; });
  EXPECT_EQ(fetches.size(), 1u);
  server_.Release("a/history");
}

TEST_F(FirstAccessTest, TwentyRepositoriesAtOnceAllArrive) {
  for (int number = 0; number < kThreads; ++number) {
    FillWith(server_.Create("a/r" + std::to_string(number)), std::to_string(number));
  }
  Mount();
  EXPECT_TRUE(AtOnce([&](int thread) {
    const std::string number = std::to_string(thread);
    return ReadFile(Path("a/r" + number) / "file") == number;
  }));
}

TEST_F(FirstAccessTest, OneRepositoryThatWaitsHoldsUpNoOther) {
  FillSmall(server_.Create("a/held"));
  FillSmall(server_.Create("a/free"));
  server_.Hold("a/held", "command=fetch");
  Mount();
  ChildProcess waiting = ChildProcess::Start({"ls", Path("a/held").string()}, scratch_ / "waiting");
  EXPECT_EQ(ReadFile(Path("a/free") / "README.md"), "hello\n");
  EXPECT_TRUE(waiting.running());
  server_.Release("a/held");
  EXPECT_EQ(waiting.Wait(std::chrono::seconds(20)), 0);
}

TEST_F(FirstAccessTest, NobodyWaitsForAnotherNameOfTheSameDirectory) {
  FillSmall(server_.Create("a/held"));
  FillSmall(server_.Create("a/free"));
  server_.Hold("a/held", "command=ls-refs");
  daemon_.Set("freshness.timeout", "60s");
  Mount();
  ChildProcess waiting = ChildProcess::Start({"ls", Path("a/held").string()}, scratch_ / "waiting");
  ASSERT_TRUE(
      WaitUntil([&] { return !server_.Requests("a/held").empty(); }, std::chrono::seconds(20)));
  EXPECT_EQ(ReadFile(Path("a/free") / "README.md"), "hello\n");
  EXPECT_EQ(List(daemon_ / "test/a"), std::vector<std::string>{"free"});
  ChildProcess also = ChildProcess::Start({"ls", Path("a/held").string()}, scratch_ / "waiting");
  EXPECT_TRUE(waiting.running());
  also.Signal(SIGINT);
  EXPECT_EQ(also.Wait(std::chrono::seconds(20)), 128 + SIGINT);
  server_.Release("a/held");
  EXPECT_EQ(waiting.Wait(std::chrono::seconds(20)), 0);
}

}  // namespace
}  // namespace reposfs::testing
