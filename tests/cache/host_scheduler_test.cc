#include "cache/host_scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "cache/catalog.h"
#include "tests/support/command.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

constexpr int kForeground = HostScheduler::kForegroundPriority;
constexpr int kInteractive = HostScheduler::kInteractivePriority;
constexpr int kBackground = kForeground - 1;
constexpr auto kSoon = std::chrono::seconds(20);

class HostSchedulerTest : public ::testing::Test {
 protected:
  static HostOptions Host(int max_concurrent_fetches, int requests_per_minute = 0) {
    HostOptions options;
    options.max_concurrent_fetches = max_concurrent_fetches;
    options.requests_per_minute = requests_per_minute;
    return options;
  }

  ~HostSchedulerTest() override {
    ReleaseAll();
    scheduler_.Stop();
  }

  Catalog OpenCatalog() {
    auto catalog = Catalog::Open(directory_ / "catalog.db");
    if (!catalog) throw std::runtime_error(catalog.error().message);
    return std::move(*catalog);
  }

  // Another process takes a place.
  std::int64_t EnterElsewhere(const std::string& host, int places_max) {
    const auto place = other_.Enter({host, kInteractive, false, places_max, places_max, 0});
    EXPECT_TRUE(place && place->entered);
    return place ? place->place : 0;
  }

  // A task that runs until Release(name) or ReleaseAll().
  void Submit(const std::string& host, int priority, const std::string& name) {
    scheduler_.Submit(host, priority, [this, name] {
      MutexLock lock(mutex_);
      started_.push_back(name);
      changed_.NotifyAll();
      while (!released_all_ && !released_.contains(name)) changed_.Wait(mutex_);
      ++finished_;
      changed_.NotifyAll();
    });
  }

  void Release(const std::string& name) {
    MutexLock lock(mutex_);
    released_[name] = true;
    changed_.NotifyAll();
  }

  void ReleaseAll() {
    MutexLock lock(mutex_);
    released_all_ = true;
    changed_.NotifyAll();
  }

  // The names of the first `count` tasks that started, in their order.
  std::vector<std::string> Started(std::size_t count) {
    MutexLock lock(mutex_);
    while (started_.size() < count) changed_.Wait(mutex_);
    return started_;
  }

  HostScheduler::HostState State(const std::string& host) { return scheduler_.States()[host]; }

  const UpstreamOrigin origin_{
      {{"four", Host(4)}, {"one", Host(1)}, {"other", Host(4)}, {"two-a-minute", Host(8, 2)}}};
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> started_;
  std::map<std::string, bool> released_;
  bool released_all_ = false;
  int finished_ = 0;
  const SystemClock clock_{};
  testing::TempDir directory_{"host-scheduler"};
  Catalog catalog_ = OpenCatalog();
  HostLedger ledger_{catalog_.database(), "me", [](const auto&) { return true; }, clock_};
  HostLedger other_{catalog_.database(), "other", [](const auto&) { return true; }, clock_};
  std::atomic<int> wake_calls_{0};
  HostScheduler scheduler_{origin_, ledger_, 16, [this] { ++wake_calls_; }};
};

using Names = std::vector<std::string>;

TEST_F(HostSchedulerTest, AHostHasNoMorePlacesThanItSays) {
  for (const char* name : {"a", "b", "c", "d", "e"}) Submit("four", kInteractive, name);
  Started(4);
  EXPECT_EQ(State("four").running_count, 4);
  EXPECT_EQ(State("four").queued_count, 1);
  Release("a");
  EXPECT_EQ(Started(5).back(), "e");
}

TEST_F(HostSchedulerTest, BackgroundTakesAtMostHalf) {
  for (const char* name : {"a", "b", "c"}) Submit("four", kBackground, name);
  Started(2);
  EXPECT_EQ(State("four").running_count, 2);
  Submit("four", kInteractive, "urgent");
  Submit("four", kInteractive, "urgent too");
  Started(4);
  EXPECT_EQ(State("four").running_count, 4);
  EXPECT_EQ(State("four").queued_count, 1);
}

TEST_F(HostSchedulerTest, BulkThatSomebodyWaitsForLeavesAPlaceForNames) {
  for (const char* name : {"a", "b", "c", "d"}) Submit("four", kForeground, name);
  Started(3);
  EXPECT_EQ(State("four").running_count, 3);
  Submit("four", kInteractive, "a name");
  EXPECT_EQ(Started(4).back(), "a name");
  EXPECT_EQ(State("four").running_count, 4);
}

TEST_F(HostSchedulerTest, BackgroundGetsTheOnlyPlaceIfNobodyWaits) {
  Submit("one", kBackground, "a");
  EXPECT_EQ(Started(1), Names{"a"});
}

TEST_F(HostSchedulerTest, TheHigherPriorityGoesFirstAndAmongEqualsTheEarlier) {
  Submit("one", kForeground, "running");
  Started(1);
  Submit("one", kBackground, "low");
  Submit("one", kForeground, "first");
  Submit("one", kForeground, "second");
  Submit("one", kForeground + 40, "high");
  ReleaseAll();
  EXPECT_EQ(Started(5), (Names{"running", "high", "first", "second", "low"}));
}

TEST_F(HostSchedulerTest, ADeadHostDelaysNoOther) {
  for (int i = 0; i < 20; ++i) Submit("four", kInteractive, "dead " + std::to_string(i));
  Started(4);
  Submit("other", kForeground, "alive");
  EXPECT_EQ(Started(5).back(), "alive");
}

TEST_F(HostSchedulerTest, NoMoreStartInAMinuteThanTheHostAllows) {
  for (const char* name : {"a", "b", "c"}) Submit("two-a-minute", kForeground, name);
  // Each runs on a thread of its own: which says so first is chance.
  Names started = Started(2);
  std::sort(started.begin(), started.end());
  EXPECT_EQ(started, (Names{"a", "b"}));
  ASSERT_TRUE(testing::WaitUntil([&] { return scheduler_.waits_for_others(); }, kSoon));
  EXPECT_EQ(State("two-a-minute").queued_count, 1);
  EXPECT_EQ(other_.Uses()->at("two-a-minute").request_count, 2);
}

TEST_F(HostSchedulerTest, WhatOtherProcessesDoThereCounts) {
  const std::int64_t first = EnterElsewhere("four", 4);
  for (int i = 0; i < 3; ++i) EnterElsewhere("four", 4);
  Submit("four", kInteractive, "a");
  Submit("other", kInteractive, "b");
  EXPECT_EQ(Started(1), Names{"b"});
  ASSERT_TRUE(testing::WaitUntil([&] { return wake_calls_ == 1; }, kSoon));
  EXPECT_TRUE(scheduler_.waits_for_others());
  EXPECT_EQ(State("four").queued_count, 1);
  ASSERT_TRUE(other_.Leave("four", first));
  EXPECT_TRUE(testing::WaitUntil(
      [&] {
        scheduler_.Tick();
        return State("four").queued_count == 0 && State("four").running_count == 1;
      },
      kSoon));
  EXPECT_EQ(Started(2).back(), "a");
  EXPECT_FALSE(scheduler_.waits_for_others());
}

TEST_F(HostSchedulerTest, WhoIsMoreUrgentDoesNotWaitBehindOneThatWasRefused) {
  EnterElsewhere("four", 4);
  for (int i = 0; i < 2; ++i) EnterElsewhere("four", 4);
  Submit("four", kForeground, "bulk");
  ASSERT_TRUE(testing::WaitUntil([&] { return scheduler_.waits_for_others(); }, kSoon));
  Submit("four", kInteractive, "a name");
  EXPECT_EQ(Started(1), Names{"a name"});
}

TEST_F(HostSchedulerTest, WhatHasEndedIsInNobodysWay) {
  ReleaseAll();
  for (const char* name : {"a", "b", "c", "d", "e"}) Submit("four", kInteractive, name);
  Started(5);
  EXPECT_TRUE(testing::WaitUntil([&] { return other_.Uses()->empty(); }, kSoon));
}

TEST_F(HostSchedulerTest, StopDropsWhatIsQueued) {
  Submit("one", kForeground, "running");
  Submit("one", kForeground, "queued");
  Started(1);
  std::thread stopper([this] { scheduler_.Stop(); });
  ReleaseAll();
  stopper.join();
  MutexLock lock(mutex_);
  EXPECT_LE(finished_, 2);
  EXPECT_GE(finished_, 1);
}

TEST_F(HostSchedulerTest, AHostThatAsksForItIsLeftAloneAndTheOthersAreNot) {
  scheduler_.HoldBack("small", std::chrono::milliseconds(300), "too many requests");
  scheduler_.HoldBack("small", std::chrono::milliseconds(1), "less is not news");
  EXPECT_GT(scheduler_.StateOf("small").held_for, std::chrono::milliseconds(1));
  EXPECT_EQ(scheduler_.StateOf("small").held_cause, "too many requests");
  ReleaseAll();
  Submit("small", kForeground, "held");
  Submit("large", kForeground, "other");
  EXPECT_EQ(Started(1), std::vector<std::string>{"other"});
  EXPECT_EQ(State("small").queued_count, 1);
  while (scheduler_.StateOf("small").held_for.count() > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  scheduler_.Tick();
  EXPECT_EQ(Started(2).back(), "held");
}

}  // namespace
}  // namespace reposfs
