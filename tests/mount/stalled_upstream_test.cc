// An upstream that accepts and then says nothing costs only those who ask for it.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>

#include "tests/support/mount_test.h"
#include "tests/support/tcp_server.h"

namespace reposfs::testing {
namespace {

using Clock = std::chrono::steady_clock;

milliseconds Since(Clock::time_point begin) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
}

class StalledUpstreamTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    FillHistory(server_.Create("a/alive"), {.commit_count = 5, .file_count = 300});
    FillHistory(server_.Create("a/later"), {.commit_count = 5, .file_count = 300});
    daemon_.AddHost("stalled", stalled_.UrlTemplate());
    daemon_.Set("freshness.timeout", "1s");
    daemon_.Set("fetch.requestTimeout", "30s");
    Mount();
    ASSERT_TRUE(daemon_.Warm(Key("a/alive")));
  }

  void TearDown() override {
    if (daemon_.running()) {
      EXPECT_TRUE(daemon_.Terminate());
    }
    stalled_.Stop();
    MountTest::TearDown();
  }

  ChildProcess ListStalled(const std::string& name) {
    return ChildProcess::Start({"ls", (daemon_ / "stalled" / name).string()}, scratch_ / "ls");
  }

  TcpServer stalled_{Stall()};
};

TEST_F(StalledUpstreamTest, FiftyStalledRequestsDoNotSlowOthersDown) {
  constexpr int kStalled = 50;
  std::vector<ChildProcess> waiting;
  for (int number = 0; number < kStalled; ++number) {
    waiting.push_back(ListStalled("o/r" + std::to_string(number)));
  }
  ASSERT_TRUE(WaitUntil([&] { return stalled_.connections() >= 4; }, std::chrono::seconds(10)));

  std::vector<milliseconds> times;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(Path("a/alive"))) {
    const auto begin = Clock::now();
    EXPECT_EQ(entry.is_directory() ? ErrnoOfList(entry.path()) : ErrnoOfRead(entry.path()), 0);
    times.push_back(Since(begin));
  }
  ASSERT_GT(times.size(), 300u);
  std::sort(times.begin(), times.end());
  EXPECT_LT(times[times.size() * 99 / 100], milliseconds(100));

  const auto begin = Clock::now();
  EXPECT_EQ(ErrnoOfList(Path("a/later")), 0) << "a first access elsewhere";
  EXPECT_LT(Since(begin), std::chrono::seconds(3));
}

TEST_F(StalledUpstreamTest, CtrlCEndsAStalledListingWithinASecond) {
  ChildProcess listing = ListStalled("o/r");
  ASSERT_TRUE(WaitUntil([&] { return stalled_.connections() > 0; }, std::chrono::seconds(10)));
  for (const auto wait : {milliseconds(200), milliseconds(1800)}) {
    SleepFor(wait);
    ASSERT_TRUE(listing.running());
    const auto begin = Clock::now();
    listing.Signal(SIGINT);
    EXPECT_EQ(listing.Wait(std::chrono::seconds(10)), 128 + SIGINT);
    EXPECT_LT(Since(begin), std::chrono::seconds(1));
    listing = ListStalled("o/r");
  }
}

TEST_F(StalledUpstreamTest, MkdirBesideItDoesNotFreezeTheDirectory) {
  ChildProcess listing = ListStalled("o/r");
  ASSERT_TRUE(WaitUntil([&] { return stalled_.connections() > 0; }, std::chrono::seconds(10)));
  ChildProcess mkdir =
      ChildProcess::Start({"mkdir", (daemon_ / "stalled/o/new").string()}, scratch_ / "mkdir");
  SleepFor(milliseconds(100));
  const auto begin = Clock::now();
  EXPECT_EQ(ErrnoOfList(daemon_ / "stalled/o"), 0);
  EXPECT_LT(Since(begin), std::chrono::seconds(3));
  EXPECT_EQ(mkdir.Wait(std::chrono::seconds(5)), 1);
}

TEST_F(StalledUpstreamTest, LookupsReturnWithinTheTimeout) {
  for (const char* name : {"stalled/o/one", "stalled/o/two", "stalled/p/one"}) {
    const auto begin = Clock::now();
    (void)ErrnoOfStat(daemon_ / name);
    EXPECT_LT(Since(begin), milliseconds(1800)) << name;
  }
}

TEST_F(StalledUpstreamTest, ItEndsCleanlyWhileRequestsWait) {
  ChildProcess listing = ListStalled("o/r");
  ASSERT_TRUE(WaitUntil([&] { return stalled_.connections() > 0; }, std::chrono::seconds(10)));
  SleepFor(milliseconds(1500));
  const auto begin = Clock::now();
  EXPECT_TRUE(daemon_.Terminate());
  EXPECT_LT(Since(begin), std::chrono::seconds(10));
  EXPECT_TRUE(listing.Wait(std::chrono::seconds(5)).has_value());
}

}  // namespace
}  // namespace reposfs::testing
