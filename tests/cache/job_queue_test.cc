#include "cache/job_queue.h"

#include <gtest/gtest.h>

#include "cache/catalog.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;

const WallTime kNow = WallTime(std::chrono::hours(1));
const WallTime kLater = WallTime(std::chrono::hours(2));
const JobLease kLease{"me", kLater};
const Error kUnreachable{Errc::kUnreachable, "unreachable"};

class JobQueueTest : public ::testing::Test {
 protected:
  JobQueueTest() { repository_ = *catalog_.AddRepository("h/o/n", "file:///n"); }

  Catalog OpenCatalog() {
    auto catalog = Catalog::Open(directory_ / "catalog.db");
    if (!catalog) throw std::runtime_error(catalog.error().message);
    return std::move(*catalog);
  }

  Job Put(JobKind kind, const std::string& argument, int priority) {
    auto job = queue_.Put(JobSpec{repository_, kind, argument, priority}, kNow);
    EXPECT_TRUE(job);
    return job ? *job : Job{};
  }

  std::vector<Job> List() {
    auto jobs = queue_.List();
    EXPECT_TRUE(jobs);
    return jobs ? *jobs : std::vector<Job>();
  }

  // Claims the most urgent job that is queued.
  Job Claim(const std::string& owner = "me") {
    for (const Job& job : List()) {
      if (job.state != JobState::kQueued) continue;
      auto claimed = queue_.Claim(job.id, {owner, kLater});
      EXPECT_TRUE(claimed && *claimed);
      return claimed && *claimed ? **claimed : Job{};
    }
    ADD_FAILURE() << "no job is queued";
    return Job{};
  }

  Job Only() {
    const std::vector<Job> jobs = List();
    EXPECT_EQ(jobs.size(), 1u);
    return jobs.empty() ? Job{} : jobs.front();
  }

  testing::TempDir directory_{"job-queue"};
  Catalog catalog_ = OpenCatalog();
  JobQueue queue_{catalog_.database()};
  std::int64_t repository_ = 0;
};

TEST_F(JobQueueTest, AJobIsWhatWasPut) {
  const Job put = Put(JobKind::kHydrate, "abc", 30);
  ASSERT_EQ(List().size(), 1u);
  const Job job = List()[0];
  EXPECT_EQ(job.id, put.id);
  EXPECT_EQ(job.repository, repository_);
  EXPECT_EQ(job.kind, JobKind::kHydrate);
  EXPECT_EQ(job.argument, "abc");
  EXPECT_EQ(job.priority, 30);
  EXPECT_EQ(job.state, JobState::kQueued);
  EXPECT_EQ(job.not_before, kNow);
  EXPECT_EQ(job.attempts, 0);
}

TEST_F(JobQueueTest, TheSameWorkTwiceIsOneJobOfTheHigherPriority) {
  const Job first = Put(JobKind::kFetch, "", 10);
  const Job second = Put(JobKind::kFetch, "", 70);
  const Job third = Put(JobKind::kFetch, "", 20);
  EXPECT_EQ(first.id, second.id);
  EXPECT_EQ(third.priority, 70);
  EXPECT_EQ(List().size(), 1u);
}

TEST_F(JobQueueTest, OtherWorkIsAnotherJob) {
  const std::int64_t other = *catalog_.AddRepository("h/o/other", "file:///other");
  Put(JobKind::kClone, "abc", 10);
  Put(JobKind::kClone, "def", 10);
  Put(JobKind::kHydrate, "abc", 10);
  EXPECT_TRUE(queue_.Put(JobSpec{other, JobKind::kClone, "abc", 10}, kNow));
  EXPECT_EQ(List().size(), 4u);
}

TEST_F(JobQueueTest, TheMostUrgentIsListedFirst) {
  Put(JobKind::kMaintain, "", 10);
  Put(JobKind::kClone, "a", 90);
  Put(JobKind::kClone, "b", 90);
  const std::vector<Job> jobs = List();
  ASSERT_EQ(jobs.size(), 3u);
  EXPECT_EQ(jobs[0].argument, "a");
  EXPECT_EQ(jobs[1].argument, "b");
  EXPECT_EQ(jobs[2].kind, JobKind::kMaintain);
}

TEST_F(JobQueueTest, OnlyOneOfTwoConnectionsGetsAJob) {
  const Job put = Put(JobKind::kClone, "a", 90);
  const Catalog second_catalog = OpenCatalog();
  JobQueue second(second_catalog.database());
  const auto claimed = second.Claim(put.id, kLease);
  ASSERT_TRUE(claimed);
  ASSERT_TRUE(*claimed);
  EXPECT_EQ((*claimed)->attempts, 1);
  EXPECT_TRUE((*claimed)->running());
  const auto refused = queue_.Claim(put.id, kLease);
  ASSERT_TRUE(refused);
  EXPECT_FALSE(*refused);
}

TEST_F(JobQueueTest, PuttingARunningJobTellsSo) {
  const Job put = Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(*queue_.Claim(put.id, kLease));
  EXPECT_TRUE(Put(JobKind::kClone, "a", 90).running());
}

TEST_F(JobQueueTest, AFinishedJobIsGone) {
  Put(JobKind::kClone, "a", 90);
  const Job job = Claim();
  EXPECT_TRUE(*queue_.Finish(job));
  EXPECT_TRUE(List().empty());
  const auto claimed = queue_.Claim(job.id, kLease);
  ASSERT_TRUE(claimed);
  EXPECT_FALSE(*claimed);
}

TEST_F(JobQueueTest, TheSameWorkAfterwardsIsANewJob) {
  Put(JobKind::kClone, "a", 90);
  const Job job = Claim();
  ASSERT_TRUE(*queue_.Finish(job));
  EXPECT_NE(Put(JobKind::kClone, "a", 90).id, job.id) << "an old claim must not find the new job";
}

TEST_F(JobQueueTest, ARetriedJobKeepsItsAttemptsAndItsError) {
  Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(*queue_.Retry(Claim(), kLater, kUnreachable));
  const Job job = Only();
  EXPECT_EQ(job.state, JobState::kQueued);
  EXPECT_EQ(job.not_before, kLater);
  EXPECT_EQ(job.attempts, 1);
  EXPECT_EQ(job.last_error, "unreachable");
  EXPECT_EQ(job.error_code, "unreachable");
  EXPECT_EQ(Claim().attempts, 2);
}

TEST_F(JobQueueTest, WhoAsksAgainNeedNotWaitForTheRetry) {
  Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(*queue_.Retry(Claim(), kLater, kUnreachable));
  EXPECT_EQ(Put(JobKind::kClone, "a", 90).not_before, kNow);
}

TEST_F(JobQueueTest, AReleasedJobHasCostNothing) {
  Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(*queue_.Release(Claim()));
  EXPECT_EQ(Only().state, JobState::kQueued);
  EXPECT_EQ(Only().attempts, 0);
}

TEST_F(JobQueueTest, WhatWasGivenUpIsKeptUntilSomebodyAsksAgain) {
  Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(*queue_.Fail(Claim(), kNow, {Errc::kNotFound, "gone"}));
  EXPECT_EQ(Only().state, JobState::kFailed);
  EXPECT_EQ(Only().error_code, "not-found");
  EXPECT_TRUE(queue_.Due({JobKind::kClone}, kLater, 10)->empty());
  const Job again = Put(JobKind::kClone, "a", 90);
  EXPECT_EQ(again.state, JobState::kQueued);
  EXPECT_EQ(again.attempts, 0);
  EXPECT_EQ(again.last_error, "");
}

TEST_F(JobQueueTest, OldFailuresAreForgotten) {
  Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(*queue_.Fail(Claim(), kNow, {Errc::kNotFound, "gone"}));
  EXPECT_EQ(*queue_.RemoveFailed(kNow), 0);
  EXPECT_EQ(*queue_.RemoveFailed(kLater), 1);
  EXPECT_TRUE(List().empty());
}

TEST_F(JobQueueTest, ALapsedLeaseGivesTheJobToOthersAndNothingBack) {
  Put(JobKind::kClone, "a", 90);
  const Job mine = Claim();
  EXPECT_EQ(*queue_.ReleaseLapsed("other", kLater, 8), 0) << "not yet";
  EXPECT_EQ(*queue_.ReleaseLapsed("other", kLater + milliseconds(1), 8), 1);
  EXPECT_FALSE(*queue_.Renew(mine, kLater, {kLater}));
  const Job theirs = Claim("other");
  EXPECT_FALSE(*queue_.Finish(mine));
  EXPECT_FALSE(*queue_.Retry(mine, kLater, kUnreachable));
  EXPECT_FALSE(*queue_.Fail(mine, kLater, kUnreachable));
  EXPECT_FALSE(*queue_.Release(mine));
  EXPECT_TRUE(*queue_.Finish(theirs));
}

TEST_F(JobQueueTest, TheSameProcessTakesNoJobForAnEarlierAttempt) {
  Put(JobKind::kClone, "a", 90);
  const Job first = Claim();
  ASSERT_EQ(*queue_.ReleaseLapsed("other", kLater + milliseconds(1), 8), 1);
  const Job second = Claim();
  EXPECT_FALSE(*queue_.Finish(first));
  EXPECT_TRUE(*queue_.Finish(second));
}

TEST_F(JobQueueTest, WhoAsksForLapsedLeasesIsAwakeAndKeepsItsOwn) {
  Put(JobKind::kClone, "a", 90);
  const Job job = Claim("me");
  EXPECT_EQ(*queue_.ReleaseLapsed("me", kLater + milliseconds(1), 8), 0);
  EXPECT_TRUE(*queue_.Finish(job));
}

TEST_F(JobQueueTest, ARenewedLeaseDoesNotLapse) {
  Put(JobKind::kClone, "a", 90);
  const Job job = Claim();
  ASSERT_TRUE(*queue_.Renew(job, kLater + std::chrono::hours(1), {kLater}));
  EXPECT_EQ(*queue_.ReleaseLapsed("other", kLater + milliseconds(1), 8), 0);
  EXPECT_EQ(Only().progress.at, kLater);
}

TEST_F(JobQueueTest, TheJobsOfTheDeadAreQueuedAgainThoseOfTheLivingStay) {
  Put(JobKind::kClone, "a", 90);
  Put(JobKind::kClone, "b", 80);
  Claim("dead");
  Claim("alive");
  EXPECT_EQ(queue_.Owners()->size(), 2u);
  EXPECT_EQ(*queue_.ReleaseOwner("dead", kNow, 8), 1);
  EXPECT_EQ(List()[0].state, JobState::kQueued);
  EXPECT_EQ(List()[0].not_before, kNow) << "the first death is no reason to wait";
  EXPECT_NE(List()[0].last_error.find("dead"), std::string::npos);
  EXPECT_EQ(List()[1].state, JobState::kRunning);
}

TEST_F(JobQueueTest, AJobThatKillsWhoeverRunsItIsGivenUp) {
  Put(JobKind::kClone, "a", 90);
  for (int attempt = 1; attempt <= 3; ++attempt) {
    Claim("dead");
    EXPECT_EQ(*queue_.ReleaseOwner("dead", kNow, 3), 1);
    EXPECT_EQ(Only().state, attempt < 3 ? JobState::kQueued : JobState::kFailed);
    if (attempt == 2) {
      EXPECT_GT(Only().not_before, kNow) << "later and later";
    }
  }
}

TEST_F(JobQueueTest, DueAreTheUrgentOnesOfTheKindsWhoseTimeHasCome) {
  Put(JobKind::kClone, "low", 10);
  Put(JobKind::kClone, "high", 90);
  Put(JobKind::kHydrate, "other kind", 99);
  ASSERT_TRUE(queue_.PutLater({repository_, JobKind::kClone, "later", 99}, kNow, kLater));
  const auto due = queue_.Due({JobKind::kClone}, kNow, 10);
  ASSERT_EQ(due->size(), 2u);
  EXPECT_EQ(due->at(0).argument, "high");
  EXPECT_EQ(due->at(1).argument, "low");
  EXPECT_EQ(queue_.Due({JobKind::kClone, JobKind::kHydrate}, kLater, 10)->size(), 4u);
  EXPECT_EQ(queue_.Due({JobKind::kClone}, kLater, 1)->size(), 1u);
}

TEST_F(JobQueueTest, HousekeepingThatIsStuckIsQueuedAgain) {
  const JobSpec reset{kNoRepository, JobKind::kReset, "", 0};
  ASSERT_TRUE(queue_.PutLater(reset, kNow, kNow));
  const Job first = Claim("dead");
  ASSERT_TRUE(queue_.PutLater(reset, kLater, kLater));
  EXPECT_EQ(Only().state, JobState::kRunning) << "its lease holds until then";
  ASSERT_TRUE(queue_.PutLater(reset, kLater + milliseconds(1), kLater));
  EXPECT_EQ(Only().state, JobState::kQueued);
  EXPECT_FALSE(*queue_.Finish(first));
  ASSERT_TRUE(*queue_.Fail(Claim(), kLater, {Errc::kAccessDenied, "no"}));
  ASSERT_TRUE(queue_.PutLater(reset, kLater, kLater));
  EXPECT_EQ(Only().state, JobState::kQueued);
}

TEST_F(JobQueueTest, UsersRequeueAndCancelWhatDoesNotRun) {
  Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(*queue_.Fail(Claim(), kNow, {Errc::kNotFound, "gone"}));
  const std::int64_t id = Only().id;
  EXPECT_TRUE(*queue_.Requeue(id, kLater));
  EXPECT_EQ(Only().state, JobState::kQueued);
  Claim();
  EXPECT_FALSE(*queue_.Requeue(id, kLater));
  EXPECT_FALSE(*queue_.Cancel(id));
  ASSERT_TRUE(*queue_.ReleaseOwner("me", kNow, 8));
  EXPECT_TRUE(*queue_.Cancel(id));
  EXPECT_TRUE(List().empty());
  EXPECT_FALSE(*queue_.Cancel(id));
}

TEST_F(JobQueueTest, NobodyTakesAClaimForAnotherOne) {
  Put(JobKind::kHydrate, "abc", 30);
  const Job asleep = Claim();
  ASSERT_EQ(*queue_.ReleaseLapsed("other", kLater + milliseconds(1), 8), 1);
  ASSERT_TRUE(*queue_.Requeue(asleep.id, kNow));
  const Job again = Claim();
  EXPECT_EQ(again.attempts, asleep.attempts) << "they are counted anew";
  EXPECT_FALSE(*queue_.Finish(asleep));
  ASSERT_TRUE(*queue_.Release(again));
  const Job third = Claim();
  EXPECT_FALSE(*queue_.Renew(again, kLater, {kNow}));
  EXPECT_FALSE(*queue_.Retry(asleep, kNow, kUnreachable));
  EXPECT_TRUE(*queue_.Finish(third));
}

TEST_F(JobQueueTest, AFilterChoosesByKindStateAndRepository) {
  const std::int64_t other = *catalog_.AddRepository("h/o/other", "file:///other");
  Put(JobKind::kClone, "a", 90);
  Put(JobKind::kHydrate, "a", 80);
  ASSERT_TRUE(queue_.Put(JobSpec{other, JobKind::kClone, "a", 10}, kNow));
  Claim();
  EXPECT_EQ(queue_.List({JobKind::kClone, {}, {}})->size(), 2u);
  EXPECT_EQ(queue_.List({{}, JobState::kRunning, {}})->size(), 1u);
  EXPECT_EQ(queue_.List({{}, {}, other})->size(), 1u);
  EXPECT_EQ(queue_.List({JobKind::kHydrate, JobState::kQueued, repository_})->size(), 1u);
}

TEST(BackOffTest, DoublesFromTwoSecondsToTenMinutes) {
  EXPECT_EQ(BackOff(1, 0), milliseconds(2'000));
  EXPECT_EQ(BackOff(2, 0), milliseconds(4'000));
  EXPECT_EQ(BackOff(5, 0), milliseconds(32'000));
  EXPECT_EQ(BackOff(10, 0), milliseconds(600'000));
  EXPECT_EQ(BackOff(1'000'000, 0), milliseconds(600'000));
  EXPECT_EQ(BackOff(0, 0), milliseconds(2'000));
}

TEST(BackOffTest, TheJitterIsAtMostAQuarter) {
  for (std::uint64_t random = 0; random < 10'000; random += 7) {
    EXPECT_GE(BackOff(1, random), milliseconds(2'000));
    EXPECT_LE(BackOff(1, random), milliseconds(2'500));
  }
  EXPECT_NE(BackOff(3, 1), BackOff(3, 2));
}

}  // namespace
}  // namespace reposfs
