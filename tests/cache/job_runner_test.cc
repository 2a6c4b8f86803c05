#include "cache/job_runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "cache/catalog.h"
#include "tests/cache/manual_clock.h"
#include "tests/support/command.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using std::chrono::seconds;
using testing::WaitUntil;

constexpr int kBackground = HostScheduler::kForegroundPriority - 1;
constexpr int kForeground = HostScheduler::kForegroundPriority;
constexpr milliseconds kSoon(20'000);

// A queue on a real catalog; what a job does is in the hands of the test.
class JobRunnerTest : public ::testing::Test {
 protected:
  JobRunnerTest() {
    const RepositoryKey key{"h", "o", "n"};
    RepositoryRecord record;
    record.id = *catalog_.AddRepository(key.Text(), "file:///n");
    repository_ = std::make_shared<Repository>(key, record, directory_ / "repos/1",
                                               std::make_shared<BytesOnDisk>());
  }
  ~JobRunnerTest() override {
    Release();
    scheduler_.Stop();
    runner_.Stop();
    flights_.LandAll(Error{Errc::kInterrupted, "the test is over"});
  }

  Catalog OpenCatalog() {
    auto catalog = Catalog::Open(directory_ / "catalog.db");
    if (!catalog) throw std::runtime_error(catalog.error().message);
    return std::move(*catalog);
  }

  static UpstreamOrigin OneHostOfOnePlace() {
    HostOptions host;
    host.max_concurrent_fetches = 1;
    return UpstreamOrigin({{"h", host}});
  }

  Status Execute() {
    ++runs_;
    MutexLock lock(mutex_);
    while (held_) changed_.Wait(mutex_);
    if (failures_.empty()) return {};
    Error error = failures_.back();
    failures_.pop_back();
    return error;
  }

  void Hold() {
    MutexLock lock(mutex_);
    held_ = true;
  }
  void Release() {
    MutexLock lock(mutex_);
    held_ = false;
    changed_.NotifyAll();
  }
  void FailNext(Errc code) {
    MutexLock lock(mutex_);
    failures_.push_back(Error{code, "made up"});
  }

  FlightPtr Submit(int priority, const std::string& argument = "") {
    return runner_.Submit(repository_, JobKind::kFetch, argument, priority);
  }
  bool LandsSoon(const FlightPtr& flight) {
    return WaitUntil([&] { return flight->landed(); }, kSoon);
  }
  // Without what was given up.
  std::size_t QueueSize() {
    const auto jobs = queue_.List();
    return static_cast<std::size_t>(std::count_if(
        jobs->begin(), jobs->end(), [](const Job& job) { return job.state != JobState::kFailed; }));
  }
  static JobRunner::Settings Settings(std::vector<JobKind> kinds) {
    JobRunner::Settings settings;
    settings.owner = "me";
    settings.kinds = std::move(kinds);
    settings.attempt_count_max = 3;
    settings.failure_ttl = std::chrono::hours(1);
    settings.lease = seconds(30);
    return settings;
  }
  void ForgetFailures() { flights_.ForgetFailures(""); }

  JobRunner::Callbacks Callbacks() {
    return {[this](const Job&, const RepositoryPtr&, const FlightPtr&) { return Execute(); },
            [this](const Job&, const RepositoryPtr&, const Error&) { ++failed_calls_; },
            [this](std::int64_t) { return repository_; }, [this] { ++sync_calls_; },
            [this] { ++wake_calls_; }};
  }

  testing::TempDir directory_{"job-runner"};
  ManualClock clock_;
  Catalog catalog_ = OpenCatalog();
  RepositoryPtr repository_;
  Mutex mutex_;
  CondVar changed_;
  bool held_ = false;
  std::vector<Error> failures_;
  std::atomic<int> runs_{0};
  std::atomic<int> failed_calls_{0};
  const UpstreamOrigin origin_ = OneHostOfOnePlace();
  HostLedger ledger_{catalog_.database(), "me", [](const std::string&) { return true; }, clock_};
  HostScheduler scheduler_{origin_, ledger_, 4, [] {}};
  FlightTable flights_;
  JobQueue queue_{catalog_.database()};
  std::atomic<int> sync_calls_{0};
  std::atomic<int> wake_calls_{0};
  JobRunner runner_{JobQueue(catalog_.database()), scheduler_, flights_, clock_,
                    Settings({JobKind::kFetch}),   Callbacks()};
};

TEST_F(JobRunnerTest, AJobThatIsDoneLandsItsFlightAndIsGone) {
  EXPECT_TRUE(Submit(kBackground)->Wait());
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(QueueSize(), 0u);
  EXPECT_EQ(failed_calls_, 0);
}

TEST_F(JobRunnerTest, TheSameWorkForManyIsDoneOnce) {
  Hold();
  std::set<FlightPtr> flights;
  for (int i = 0; i < 10; ++i) flights.insert(Submit(i % 2 == 0 ? kBackground : kForeground));
  EXPECT_EQ(flights.size(), 1u);
  Release();
  EXPECT_TRUE((*flights.begin())->Wait());
  EXPECT_EQ(runs_, 1);
}

TEST_F(JobRunnerTest, WorkDoneOnceIsDoneAgainWhenAskedAgain) {
  EXPECT_TRUE(Submit(kBackground)->Wait());
  EXPECT_TRUE(Submit(kBackground)->Wait());
  EXPECT_EQ(runs_, 2);
}

TEST_F(JobRunnerTest, AFinalFailureIsToldAndBelieved) {
  FailNext(Errc::kNotFound);
  EXPECT_EQ(Submit(kForeground)->Wait().error().code, Errc::kNotFound);
  EXPECT_EQ(Submit(kForeground)->Wait().error().code, Errc::kNotFound);
  EXPECT_EQ(runs_, 1);
  EXPECT_EQ(QueueSize(), 0u);
  EXPECT_EQ(failed_calls_, 1);
}

TEST_F(JobRunnerTest, AFailureThatMayPassIsTriedAgainLater) {
  FailNext(Errc::kUnreachable);
  EXPECT_EQ(Submit(kForeground)->Wait().error().code, Errc::kUnreachable);
  ASSERT_EQ(QueueSize(), 1u);
  EXPECT_EQ(queue_.List()->at(0).last_error, "made up");
  runner_.Tick();
  EXPECT_EQ(runs_, 1) << "not due yet";
  clock_.Advance(seconds(3));
  runner_.Tick();
  EXPECT_TRUE(WaitUntil([&] { return QueueSize() == 0; }, kSoon));
  EXPECT_EQ(runs_, 2);
}

TEST_F(JobRunnerTest, AfterItsLastAttemptAJobIsGivenUp) {
  for (int i = 0; i < 3; ++i) FailNext(Errc::kUnreachable);
  EXPECT_FALSE(Submit(kForeground)->Wait());
  for (int attempt = 2; attempt <= 3; ++attempt) {
    clock_.Advance(seconds(60));
    runner_.Tick();
    EXPECT_TRUE(WaitUntil([&] { return runs_ == attempt; }, kSoon));
  }
  EXPECT_TRUE(WaitUntil([&] { return QueueSize() == 0; }, kSoon));
}

TEST_F(JobRunnerTest, AnInterruptedJobStaysForTheNextProcess) {
  FailNext(Errc::kInterrupted);
  EXPECT_FALSE(Submit(kForeground)->Wait());
  EXPECT_EQ(QueueSize(), 1u);
  EXPECT_EQ(failed_calls_, 0);
}

TEST_F(JobRunnerTest, WhatIsDueAndNobodysIsPickedUp) {
  ASSERT_TRUE(
      queue_.Put(JobSpec{repository_->id(), JobKind::kFetch, "", kForeground}, clock_.Now()));
  runner_.Tick();
  EXPECT_TRUE(WaitUntil([&] { return QueueSize() == 0; }, kSoon));
  EXPECT_EQ(runs_, 1);
}

TEST_F(JobRunnerTest, WhatIsQueuedHereIsNotPickedUpAgain) {
  Hold();
  const FlightPtr running = Submit(kForeground, "running");
  const FlightPtr queued = Submit(kForeground, "queued");
  ASSERT_TRUE(WaitUntil([&] { return runs_ == 1; }, kSoon));
  runner_.Tick();
  runner_.Tick();
  Release();
  EXPECT_TRUE(running->Wait());
  EXPECT_TRUE(queued->Wait());
  EXPECT_EQ(runs_, 2);
}

TEST_F(JobRunnerTest, WhoAsksAgainDoesNotQueueAgain) {
  Hold();
  const FlightPtr running = Submit(kForeground, "running");
  ASSERT_TRUE(WaitUntil([&] { return runs_ == 1; }, kSoon));
  Submit(kBackground, "queued");
  EXPECT_EQ(scheduler_.StateOf("h").queued_count, 1);
  for (int i = 0; i < 10; ++i) Submit(kForeground, "queued");
  EXPECT_EQ(scheduler_.StateOf("h").queued_count, 2) << "once more, since somebody needs it now";
  Release();
}

TEST_F(JobRunnerTest, KindsOfOthersAreOnlyWaitedFor) {
  const FlightPtr flight = runner_.Submit(repository_, JobKind::kHistory, "", kForeground);
  EXPECT_TRUE(runner_.waits_for_others());
  EXPECT_EQ(wake_calls_, 1);
  const Job job = **queue_.Claim(queue_.List()->at(0).id, {"worker", clock_.Now() + seconds(30)});
  runner_.Tick();
  EXPECT_FALSE(flight->landed());
  ASSERT_TRUE(*queue_.Finish(job));
  const int syncs = sync_calls_;
  runner_.Poll();
  EXPECT_GT(sync_calls_, syncs) << "what the other process has done is taken over first";
  ASSERT_TRUE(flight->landed());
  EXPECT_TRUE(flight->Wait());
  EXPECT_EQ(runs_, 0);
  EXPECT_FALSE(runner_.waits_for_others());
}

TEST_F(JobRunnerTest, WhoWaitsHearsHowItFailedElsewhere) {
  const FlightPtr flight = runner_.Submit(repository_, JobKind::kHistory, "", kForeground);
  const std::int64_t id = queue_.List()->at(0).id;
  const Job job = **queue_.Claim(id, {"worker", clock_.Now() + seconds(30)});
  ASSERT_TRUE(*queue_.Fail(job, clock_.Now(), {Errc::kAccessDenied, "refused"}));
  runner_.Poll();
  ASSERT_TRUE(flight->landed());
  EXPECT_EQ(flight->Wait().error().code, Errc::kAccessDenied);
  EXPECT_EQ(flight->Wait().error().message, "refused");
  const FlightPtr again = runner_.Submit(repository_, JobKind::kHistory, "", kForeground);
  EXPECT_TRUE(again->landed()) << "a final failure is believed";
}

TEST_F(JobRunnerTest, WhoWaitsHearsOfTheFirstFailureElsewhere) {
  const FlightPtr flight = runner_.Submit(repository_, JobKind::kHistory, "", kForeground);
  const std::int64_t id = queue_.List()->at(0).id;
  const Job job = **queue_.Claim(id, {"worker", clock_.Now() + seconds(30)});
  ASSERT_TRUE(*queue_.Retry(job, clock_.Now() + seconds(5), {Errc::kUnreachable, "down"}));
  runner_.Poll();
  ASSERT_TRUE(flight->landed());
  EXPECT_EQ(flight->Wait().error().code, Errc::kUnreachable);
}

TEST_F(JobRunnerTest, ThatAWorkerDiesIsNoFailureOfItsJob) {
  const FlightPtr flight = runner_.Submit(repository_, JobKind::kHistory, "", kForeground);
  const std::int64_t id = queue_.List()->at(0).id;
  ASSERT_TRUE(*queue_.Claim(id, {"dead", clock_.Now() + seconds(30)}));
  ASSERT_EQ(*queue_.ReleaseOwner("dead", clock_.Now(), 8), 1);
  runner_.Poll();
  EXPECT_FALSE(flight->landed()) << "another one does it";
  const Job job = **queue_.Claim(id, {"worker", clock_.Now() + seconds(30)});
  ASSERT_TRUE(*queue_.Finish(job));
  runner_.Poll();
  EXPECT_TRUE(flight->landed());
  EXPECT_TRUE(flight->Wait());
}

TEST_F(JobRunnerTest, AJobThatAnotherProcessTookIsWaitedFor) {
  Hold();
  const FlightPtr running = Submit(kForeground, "running");
  const FlightPtr stolen = Submit(kForeground, "stolen");
  ASSERT_TRUE(WaitUntil([&] { return runs_ == 1; }, kSoon));
  const auto jobs = queue_.List({{}, JobState::kQueued, {}});
  ASSERT_EQ(jobs->size(), 1u);
  const Job job = **queue_.Claim(jobs->at(0).id, {"worker", clock_.Now() + seconds(30)});
  Release();
  EXPECT_TRUE(running->Wait());
  ASSERT_TRUE(WaitUntil([&] { return runner_.waits_for_others(); }, kSoon));
  EXPECT_FALSE(stolen->landed());
  ASSERT_TRUE(*queue_.Finish(job));
  runner_.Poll();
  EXPECT_TRUE(stolen->landed());
  EXPECT_EQ(runs_, 1);
}

TEST_F(JobRunnerTest, WhoHasLostItsLeaseIsToldAndWritesNothing) {
  Hold();
  const FlightPtr flight = Submit(kForeground);
  ASSERT_TRUE(WaitUntil([&] { return runs_ == 1; }, kSoon));
  const std::int64_t id = queue_.List()->at(0).id;
  EXPECT_TRUE(runner_.Beat(id, nullptr));
  ASSERT_EQ(*queue_.ReleaseLapsed("worker", clock_.Now() + std::chrono::hours(1), 8), 1);
  const Job job = **queue_.Claim(id, {"worker", clock_.Now() + seconds(30)});
  Release();
  ASSERT_TRUE(WaitUntil([&] { return runner_.waits_for_others(); }, kSoon));
  EXPECT_FALSE(flight->landed()) << "the other process has not done it yet";
  EXPECT_EQ((*queue_.Find(id))->owner, "worker");
  ASSERT_TRUE(*queue_.Finish(job));
  runner_.Poll();
  EXPECT_TRUE(flight->landed());
}

TEST_F(JobRunnerTest, HowFarItHasComeIsTold) {
  Hold();
  clock_.Advance(seconds(1));
  const FlightPtr flight = Submit(kForeground);
  ASSERT_TRUE(WaitUntil([&] { return runs_ == 1; }, kSoon));
  const Job before = queue_.List()->at(0);
  EXPECT_EQ(before.begun_at, clock_.Now());
  FetchProgress progress;
  progress.received_bytes = 4;
  progress.object_count = 2;
  progress.object_count_total = 3;
  clock_.Advance(seconds(1));
  ASSERT_TRUE(runner_.Beat(before.id, &progress));
  runner_.Tick();
  const Job job = queue_.List()->at(0);
  EXPECT_EQ(job.progress.at, clock_.Now());
  EXPECT_EQ(job.progress.received_bytes, 4u);
  EXPECT_EQ(job.progress.object_count, 2u);
  EXPECT_EQ(job.progress.object_count_total, 3u);
  ASSERT_TRUE(*queue_.Release(job));
  const Job again = **queue_.Claim(job.id, {"worker", clock_.Now() + seconds(30)});
  EXPECT_EQ(again.progress.received_bytes, 0u) << "another one begins anew";
  Release();
}

TEST_F(JobRunnerTest, ARetryThatIsNoLongerNeededBlocksNobody) {
  FailNext(Errc::kUnreachable);
  EXPECT_FALSE(Submit(kBackground)->Wait());
  ForgetFailures();
  EXPECT_TRUE(Submit(kForeground)->Wait()) << "somebody asks before the retry is due";
  clock_.Advance(std::chrono::hours(1));
  runner_.Tick();
  EXPECT_TRUE(Submit(kForeground, "something else behind it")->Wait());
  EXPECT_TRUE(LandsSoon(Submit(kBackground)));
}

TEST_F(JobRunnerTest, AJobThatVanishesWithItsRepositoryBlocksNobody) {
  Hold();
  const FlightPtr running = Submit(kForeground, "running");
  const FlightPtr queued = Submit(kForeground, "queued");
  ASSERT_TRUE(WaitUntil([&] { return runs_ == 1; }, kSoon));
  ASSERT_TRUE(catalog_.Evict(repository_->id(), EvictionRecord{}));
  Release();
  EXPECT_TRUE(LandsSoon(queued));
  EXPECT_EQ(runs_, 1);
}

TEST_F(JobRunnerTest, WhileAJobRunsItsRepositoryIsInUse) {
  Hold();
  const FlightPtr flight = Submit(kForeground);
  ASSERT_TRUE(WaitUntil([&] { return runs_ == 1; }, kSoon));
  EXPECT_TRUE(repository_->busy());
  EXPECT_FALSE(repository_->BeginEviction());
  Release();
  EXPECT_TRUE(flight->Wait());
  EXPECT_TRUE(WaitUntil([&] { return !repository_->busy(); }, kSoon));
}

// The queue is kept in order by whichever process has the time.
class HousekeepingTest : public JobRunnerTest {
 protected:
  ~HousekeepingTest() override {
    Release();
    housekeeper_.Stop();
  }

  // Another process does it.
  Job ClaimElsewhere() {
    const WallTime now = clock_.Now();
    EXPECT_TRUE(queue_.PutLater(JobSpec{kNoRepository, JobKind::kReset, "", 0}, now, now));
    return **queue_.Claim(queue_.List()->at(0).id, {"other", clock_.Now() + seconds(10)});
  }

  JobRunner housekeeper_{JobQueue(catalog_.database()), scheduler_, flights_, clock_,
                         Settings({JobKind::kReset}),   Callbacks()};
};

TEST_F(HousekeepingTest, IsTakenOverWhenItsLeaseHasLapsed) {
  const Job job = ClaimElsewhere();
  housekeeper_.Tick();
  EXPECT_EQ(runs_, 0) << "another process does it";
  clock_.Advance(seconds(11));
  housekeeper_.Tick();
  EXPECT_TRUE(WaitUntil([&] { return runs_ == 1; }, kSoon));
  EXPECT_FALSE(*queue_.Finish(job)) << "who was killed, or slept, has lost it";
}

TEST_F(HousekeepingTest, IsNeverGivenUp) {
  for (int i = 0; i < 2; ++i) FailNext(Errc::kCorrupt);
  for (int run = 1; run <= 3; ++run) {
    housekeeper_.Tick();
    EXPECT_TRUE(WaitUntil([&] { return runs_ == run && QueueSize() == 1; }, kSoon));
    clock_.Advance(seconds(11));
  }
  ASSERT_TRUE(*queue_.Fail(ClaimElsewhere(), clock_.Now(), {Errc::kCorrupt, "by an older one"}));
  housekeeper_.Tick();
  EXPECT_TRUE(WaitUntil([&] { return runs_ == 4; }, kSoon));
}

TEST_F(HousekeepingTest, DoesNotHoldUpTheTickerThatRenewsLeases) {
  Hold();
  std::atomic<bool> ticked{false};
  std::thread ticker([&] {
    housekeeper_.Tick();
    ticked = true;
  });
  EXPECT_TRUE(WaitUntil([&] { return runs_ == 1; }, kSoon));
  EXPECT_TRUE(WaitUntil([&] { return ticked.load(); }, seconds(5)));
  Release();
  ticker.join();
}

}  // namespace
}  // namespace reposfs
