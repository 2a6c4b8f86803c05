#include "cache/job_runner.h"

#include <gtest/gtest.h>

#include <set>

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
  std::size_t QueueSize() { return runner_.List()->size(); }
  void ForgetFailures() { flights_.ForgetFailures(""); }

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
  HostScheduler scheduler_{origin_, 4};
  FlightTable flights_;
  JobRunner runner_{
      JobQueue(catalog_.database()),
      scheduler_,
      flights_,
      clock_,
      JobRunner::Limits{3, std::chrono::hours(1)},
      [this](const Job&, const RepositoryPtr&, const FlightPtr&) { return Execute(); },
      [this](const Job&, const RepositoryPtr&, const Error&) { ++failed_calls_; }};
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
  EXPECT_EQ(runner_.List()->at(0).last_error, "made up");
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

TEST_F(JobRunnerTest, ResumeRunsWhatAnEarlierProcessLeft) {
  JobQueue queue(catalog_.database());
  const Job job =
      *queue.Put(JobSpec{repository_->id(), JobKind::kFetch, "", kForeground}, clock_.Now());
  ASSERT_TRUE(*queue.Claim(job.id, clock_.Now()));
  ASSERT_TRUE(runner_.Resume([this](std::int64_t) { return repository_; }));
  EXPECT_TRUE(WaitUntil([&] { return QueueSize() == 0; }, kSoon));
  EXPECT_EQ(runs_, 1);
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

}  // namespace
}  // namespace reposfs
