#include "cache/host_scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace reposfs {
namespace {

constexpr int kForeground = HostScheduler::kForegroundPriority;
constexpr int kInteractive = HostScheduler::kInteractivePriority;
constexpr int kBackground = kForeground - 1;

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
  HostScheduler scheduler_{origin_, 16};
};

using Names = std::vector<std::string>;

TEST_F(HostSchedulerTest, AHostHasNoMorePlacesThanItSays) {
  for (const char* name : {"a", "b", "c", "d", "e"}) Submit("four", kInteractive, name);
  EXPECT_EQ(State("four").running_count, 4);
  EXPECT_EQ(State("four").queued_count, 1);
  Started(4);
  Release("a");
  EXPECT_EQ(Started(5).back(), "e");
}

TEST_F(HostSchedulerTest, BackgroundTakesAtMostHalf) {
  for (const char* name : {"a", "b", "c"}) Submit("four", kBackground, name);
  EXPECT_EQ(State("four").running_count, 2);
  Submit("four", kInteractive, "urgent");
  Submit("four", kInteractive, "urgent too");
  EXPECT_EQ(State("four").running_count, 4);
  EXPECT_EQ(State("four").queued_count, 1);
  Started(4);
}

TEST_F(HostSchedulerTest, BulkThatSomebodyWaitsForLeavesAPlaceForNames) {
  for (const char* name : {"a", "b", "c", "d"}) Submit("four", kForeground, name);
  EXPECT_EQ(State("four").running_count, 3);
  Submit("four", kInteractive, "a name");
  EXPECT_EQ(State("four").running_count, 4);
  Started(4);
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
  ReleaseAll();
  for (const char* name : {"a", "b", "c"}) Submit("two-a-minute", kForeground, name);
  // Both start at once, on two threads: which says so first is chance.
  Names started = Started(2);
  std::sort(started.begin(), started.end());
  EXPECT_EQ(started, (Names{"a", "b"}));
  scheduler_.Tick();
  EXPECT_EQ(State("two-a-minute").queued_count, 1);
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
