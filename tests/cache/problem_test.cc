#include "cache/problem.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

using std::chrono::seconds;

const WallTime kNow{seconds(1'000'000)};

class ProblemTest : public ::testing::Test {
 protected:
  Job& Add(JobKind kind, JobState state) {
    Job job;
    job.id = static_cast<std::int64_t>(jobs_.size()) + 1;
    job.kind = kind;
    job.state = state;
    job.owner = "worker-7";
    job.lease_until = kNow + seconds(10);
    jobs_.push_back(job);
    return jobs_.back();
  }
  std::vector<Problem> Problems() const { return ProblemsOfQueue(jobs_, processes_, kNow); }

  std::vector<Job> jobs_;
  std::vector<ProcessMark::Living> processes_ = {{"mount-1", "clone,fetch"},
                                                 {"worker-2", "history"}};
};

TEST_F(ProblemTest, AQueueThatIsWorkedOffIsNone) {
  Add(JobKind::kFetch, JobState::kQueued).not_before = kNow - seconds(60);
  Add(JobKind::kHistory, JobState::kRunning);
  Add(JobKind::kHydrate, JobState::kQueued).not_before = kNow + seconds(60);
  Add(JobKind::kHydrate, JobState::kQueued).not_before = kNow - seconds(1);
  Add(JobKind::kReset, JobState::kQueued);
  EXPECT_TRUE(Problems().empty());
}

TEST_F(ProblemTest, KindsThatNobodyDoesAreOneProblemEach) {
  Add(JobKind::kHydrate, JobState::kQueued).not_before = kNow - seconds(10);
  Add(JobKind::kHydrate, JobState::kQueued).not_before = kNow - seconds(60);
  ASSERT_EQ(Problems().size(), 1u);
  const Problem problem = Problems()[0];
  EXPECT_EQ(problem.about, Problem::About::kJobs);
  EXPECT_EQ(problem.subject, "hydrate");
  EXPECT_EQ(problem.error, "2 jobs due, and no process does such work");
  EXPECT_EQ(problem.since, kNow - seconds(60));
  EXPECT_NE(problem.advice.find("reposfs worker --job=hydrate"), std::string::npos);
  processes_.push_back({"worker-3", "hydrate"});
  EXPECT_TRUE(Problems().empty()) << "it is over";
}

TEST_F(ProblemTest, AProcessThatHangsIsNamed) {
  Add(JobKind::kFetch, JobState::kRunning).lease_until = kNow - seconds(6);
  ASSERT_EQ(Problems().size(), 1u);
  EXPECT_NE(Problems()[0].error.find("worker-7"), std::string::npos);
  jobs_[0].lease_until = kNow + seconds(10);
  EXPECT_TRUE(Problems().empty());
}

TEST_F(ProblemTest, WhatWasGivenUpSaysHowToTryAgain) {
  Job& job = Add(JobKind::kFetch, JobState::kFailed);
  job.last_error = "down";
  job.error_code = ErrcName(Errc::kUnreachable);
  ASSERT_EQ(Problems().size(), 1u);
  EXPECT_EQ(Problems()[0].error, "1 job failed for too long: down");
  EXPECT_NE(Problems()[0].advice.find("reposfs jobs --retry 1"), std::string::npos);
  jobs_[0].error_code = ErrcName(Errc::kNotFound);
  EXPECT_TRUE(Problems().empty()) << "the repository tells";
}

TEST_F(ProblemTest, HousekeepingThatFailsIsOne) {
  Add(JobKind::kReset, JobState::kQueued).last_error = "disk I/O error";
  ASSERT_EQ(Problems().size(), 1u);
  EXPECT_EQ(Problems()[0].subject, "reset");
}

}  // namespace
}  // namespace reposfs
