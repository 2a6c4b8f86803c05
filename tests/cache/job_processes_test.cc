// Several processes on one queue, killed at any moment: no job is run by two at a time, each ends
// once, none is stuck.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <vector>

#include "base/file_util.h"
#include "cache/catalog.h"
#include "cache/job_queue.h"
#include "cache/process_mark.h"
#include "tests/support/command.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;

constexpr int kJobCount = 2'000;
constexpr int kProcessCount = 3;
constexpr milliseconds kLease = std::chrono::minutes(10);
constexpr auto kTimeout = std::chrono::seconds(60);

class JobProcessesTest : public ::testing::Test {
 protected:
  JobProcessesTest() {
    std::filesystem::create_directories(directory_ / "processes");
    std::filesystem::create_directories(directory_ / "running");
    random_.seed(static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed()));
  }

  void TearDown() override {
    for (const pid_t pid : workers_) End(pid);
  }

  // SQLite must not be carried over a fork(): nobody keeps a catalog open while one begins.
  Catalog OpenCatalog() const {
    auto catalog = Catalog::Open(directory_ / "catalog.db");
    if (!catalog) throw std::runtime_error(catalog.error().message);
    return std::move(*catalog);
  }

  std::string Sql(const std::string& sql) const {
    return testing::Output(
        {"sqlite3", "-cmd", ".timeout 20000", (directory_ / "catalog.db").string(), sql});
  }

  void PutJobs() {
    Catalog catalog = OpenCatalog();
    JobQueue queue(catalog.database());
    const std::int64_t repository = *catalog.AddRepository("h/o/n", "file:///n");
    for (int i = 0; i < kJobCount; ++i) {
      ASSERT_TRUE(queue.Put({repository, JobKind::kFetch, std::to_string(i), i % 7}, clock_.Now()));
    }
    // A row vanishes only by Finish(): written down in the same transaction.
    Sql("CREATE TABLE ended (id INTEGER); CREATE TRIGGER note_end AFTER DELETE ON jobs BEGIN "
        "INSERT INTO ended VALUES (old.id); END;");
  }

  // Runs one job after the other, until it is killed.
  [[noreturn]] void Work() const {
    const Catalog catalog = OpenCatalog();
    JobQueue queue(catalog.database());
    auto mark = ProcessMark::Create(directory_ / "processes", "worker", "");
    if (!mark) std::_Exit(1);
    while (true) {
      const auto due = queue.Due({JobKind::kFetch}, clock_.Now(), 8);
      if (!due) std::_Exit(2);
      if (due->empty()) ::usleep(5'000);
      for (const Job& job : *due) {
        const auto mine = queue.Claim(job.id, {mark->name(), clock_.Now() + kLease});
        if (!mine) std::_Exit(3);
        if (*mine) RunAlone(queue, **mine);
      }
    }
  }

  void RunAlone(JobQueue& queue, const Job& job) const {
    const auto file = OpenFile(directory_ / "running" / std::to_string(job.id), O_RDWR | O_CREAT);
    if (!file) std::_Exit(4);
    if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
      testing::WriteFile(directory_ / "violation", "job " + std::to_string(job.id));
    }
    ::usleep(static_cast<useconds_t>(job.id % 5) * 300);
    if (!queue.Finish(job)) std::_Exit(5);
  }

  pid_t StartWorker() const {
    const pid_t pid = ::fork();
    if (pid == 0) Work();
    return pid;
  }

  static void End(pid_t pid) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }

  // What the housekeeping of a living process does.
  void ReleaseDead() {
    const Catalog catalog = OpenCatalog();
    JobQueue queue(catalog.database());
    const auto owners = queue.Owners();
    ASSERT_TRUE(owners);
    for (const std::string& owner : *owners) {
      if (ProcessMark::IsAlive(directory_ / "processes", owner)) continue;
      ASSERT_TRUE(queue.ReleaseOwner(owner, clock_.Now(), 1'000'000));
    }
  }

  std::size_t QueueSize() const {
    const Catalog catalog = OpenCatalog();
    return JobQueue(catalog.database()).List()->size();
  }

  testing::TempDir directory_{"job-processes"};
  const SystemClock clock_;
  std::vector<pid_t> workers_;
  std::mt19937 random_;
};

TEST_F(JobProcessesTest, KilledAtAnyMomentTheyEndEachJobOnce) {
  PutJobs();
  for (int i = 0; i < kProcessCount; ++i) workers_.push_back(StartWorker());
  const auto deadline = std::chrono::steady_clock::now() + kTimeout;
  int kill_count = 0;
  while (QueueSize() > 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << QueueSize() << " are left";
    testing::SleepFor(milliseconds(10 + random_() % 30));
    pid_t& victim = workers_[random_() % workers_.size()];
    End(victim);
    victim = StartWorker();
    ++kill_count;
    ReleaseDead();
  }
  EXPECT_GT(kill_count, 5) << "or nothing was shown";
  EXPECT_FALSE(std::filesystem::exists(directory_ / "violation"))
      << "run by two: " << testing::ReadFile(directory_ / "violation");
  EXPECT_EQ(Sql("SELECT count(*), count(DISTINCT id) FROM ended"),
            std::to_string(kJobCount) + "|" + std::to_string(kJobCount));
  EXPECT_EQ(Sql("PRAGMA integrity_check"), "ok");
}

TEST_F(JobProcessesTest, AMarkTellsTheLivingFromTheDead) {
  const std::filesystem::path marks = directory_ / "processes";
  {
    auto mark = ProcessMark::Create(marks, "worker", "fetch,history");
    ASSERT_TRUE(mark);
    EXPECT_TRUE(ProcessMark::IsAlive(marks, mark->name()));
    const auto living = ProcessMark::List(marks);
    ASSERT_EQ(living.size(), 1u);
    EXPECT_EQ(living[0].name, mark->name());
    EXPECT_EQ(living[0].about, "fetch,history");
  }
  EXPECT_TRUE(std::filesystem::is_empty(marks));
  workers_.push_back(StartWorker());
  ASSERT_TRUE(testing::WaitUntil([&] { return ProcessMark::List(marks).size() == 1; }, kTimeout));
  const std::string name = ProcessMark::List(marks)[0].name;
  End(workers_.back());
  workers_.clear();
  EXPECT_FALSE(ProcessMark::IsAlive(marks, name));
  EXPECT_TRUE(ProcessMark::List(marks).empty());
  EXPECT_TRUE(std::filesystem::is_empty(marks)) << "the marks of the dead are swept away";
}

}  // namespace
}  // namespace reposfs
