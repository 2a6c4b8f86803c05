#include "daemon/warm_tracker.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using State = WarmTracker::State;

json Repository(const char* stage) {
  return {{"key", "h/o/n"}, {"stage", stage}, {"error", nullptr}, {"jobs", json::array()}};
}

json Fetching(const char* stage, std::uint64_t received_bytes) {
  json repository = Repository(stage);
  repository["progress"] = {
      {"kind", "clone"}, {"receivedBytes", received_bytes}, {"objects", 1}, {"objectsTotal", 4}};
  return repository;
}

json Failed(const char* error, const char* at) {
  json repository = Repository("absent");
  repository["error"] = error;
  repository["errorAt"] = at;
  return repository;
}

const WarmTracker::Clock::time_point kStart{};

TEST(WarmTrackerTest, IsDoneWhenTheStageIsReachedOrPassed) {
  WarmTracker tracker("h/o/n", "content", json());
  tracker.Observe(Fetching("tip", 0), kStart);
  EXPECT_EQ(tracker.state(), State::kWaiting);
  tracker.Observe(Repository("complete"), kStart);
  EXPECT_EQ(tracker.state(), State::kDone);
}

TEST(WarmTrackerTest, ANewErrorIsAFailure) {
  WarmTracker tracker("h/o/n", "tip", json());
  tracker.Observe(Failed("refused", "2026-01-01T00:00:01Z"), kStart);
  ASSERT_EQ(tracker.state(), State::kFailed);
  EXPECT_EQ(tracker.error().message, "refused");
}

TEST(WarmTrackerTest, AnErrorFromBeforeIsNone) {
  const json old = Failed("refused", "2026-01-01T00:00:01Z");
  WarmTracker tracker("h/o/n", "tip", old);
  tracker.Observe(old, kStart);
  EXPECT_EQ(tracker.state(), State::kWaiting);
  tracker.Observe(Failed("refused", "2026-01-01T00:00:02Z"), kStart);
  EXPECT_EQ(tracker.state(), State::kFailed) << "the same again, but later";
}

TEST(WarmTrackerTest, GivesUpWhenNobodyWorksOnItAnyMore) {
  WarmTracker tracker("h/o/n", "complete", json());
  int answer_count = 0;
  for (; tracker.state() == State::kWaiting && answer_count < 100; ++answer_count) {
    tracker.Observe(Repository("tip"), kStart);
  }
  EXPECT_EQ(answer_count, 10);
  EXPECT_EQ(tracker.state(), State::kFailed);
}

TEST(WarmTrackerTest, AQueuedJobIsWork) {
  WarmTracker tracker("h/o/n", "complete", json());
  json repository = Repository("tip");
  repository["jobs"] = {{{"state", "queued"}}};
  for (int i = 0; i < 100; ++i) tracker.Observe(repository, kStart);
  EXPECT_EQ(tracker.state(), State::kWaiting);
}

TEST(WarmTrackerTest, TheRateIsTakenOverASecondOrMore) {
  WarmTracker tracker("h/o/n", "content", json());
  tracker.Observe(Fetching("tip", 1000), kStart);
  tracker.Observe(Fetching("tip", 1500), kStart + std::chrono::milliseconds(200));
  EXPECT_EQ(tracker.progress().bytes_per_second, 0u);
  tracker.Observe(Fetching("tip", 5000), kStart + seconds(2));
  EXPECT_EQ(tracker.progress().bytes_per_second, 2000u);
  EXPECT_EQ(tracker.progress().percent(), 25);
}

TEST(WarmTrackerTest, ASecondTransferStartsItsOwnRate) {
  WarmTracker tracker("h/o/n", "content", json());
  tracker.Observe(Fetching("tip", 5000), kStart);
  tracker.Observe(Fetching("tip", 10), kStart + seconds(2));
  tracker.Observe(Fetching("tip", 20), kStart + seconds(3));
  EXPECT_EQ(tracker.progress().bytes_per_second, 10u);
}

}  // namespace
}  // namespace reposfs
