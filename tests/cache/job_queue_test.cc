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
  EXPECT_FALSE(job.running);
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
  const auto claimed = second.Claim(put.id, kLater);
  ASSERT_TRUE(claimed);
  ASSERT_TRUE(*claimed);
  EXPECT_EQ((*claimed)->attempts, 1);
  EXPECT_TRUE((*claimed)->running);
  const auto refused = queue_.Claim(put.id, kLater);
  ASSERT_TRUE(refused);
  EXPECT_FALSE(*refused);
}

TEST_F(JobQueueTest, PuttingARunningJobTellsSo) {
  const Job put = Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(*queue_.Claim(put.id, kLater));
  EXPECT_TRUE(Put(JobKind::kClone, "a", 90).running);
}

TEST_F(JobQueueTest, AFinishedJobIsGone) {
  const Job put = Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(queue_.Finish(put.id));
  EXPECT_TRUE(List().empty());
  const auto claimed = queue_.Claim(put.id, kLater);
  ASSERT_TRUE(claimed);
  EXPECT_FALSE(*claimed);
}

TEST_F(JobQueueTest, TheSameWorkAfterwardsIsANewJob) {
  const Job put = Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(queue_.Finish(put.id));
  EXPECT_NE(Put(JobKind::kClone, "a", 90).id, put.id) << "an old claim must not find the new job";
}

TEST_F(JobQueueTest, ARetriedJobKeepsItsAttemptsAndItsError) {
  const Job put = Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(*queue_.Claim(put.id, kLater));
  ASSERT_TRUE(queue_.Retry(put.id, kLater, "unreachable"));
  ASSERT_EQ(List().size(), 1u);
  const Job job = List()[0];
  EXPECT_FALSE(job.running);
  EXPECT_EQ(job.not_before, kLater);
  EXPECT_EQ(job.attempts, 1);
  EXPECT_EQ(job.last_error, "unreachable");
  EXPECT_EQ((*queue_.Claim(put.id, kLater))->attempts, 2);
}

TEST_F(JobQueueTest, WhoAsksAgainNeedNotWaitForTheRetry) {
  const Job put = Put(JobKind::kClone, "a", 90);
  ASSERT_TRUE(*queue_.Claim(put.id, kLater));
  ASSERT_TRUE(queue_.Retry(put.id, kLater, ""));
  EXPECT_EQ(Put(JobKind::kClone, "a", 90).not_before, kNow);
}

TEST_F(JobQueueTest, ReleaseAllMakesTheJobsOfTheDeadQueuedAgain) {
  const Job a = Put(JobKind::kClone, "a", 90);
  const Job b = Put(JobKind::kClone, "b", 90);
  ASSERT_TRUE(*queue_.Claim(a.id, kLater));
  ASSERT_TRUE(*queue_.Claim(b.id, kLater));
  ASSERT_TRUE(queue_.Retry(b.id, kLater, ""));
  ASSERT_TRUE(queue_.ReleaseAll());
  for (const Job& job : List()) {
    EXPECT_FALSE(job.running);
    EXPECT_EQ(job.not_before, WallTime{});
  }
  EXPECT_TRUE(*queue_.Claim(a.id, kLater));
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
