// Several processes on one lock, killed and stopped at any moment, while the coordinator has faults
// of its own: the tokens only grow, and no two have the lock at a time.
//
// 250 acquisitions in the suite, 10,000 with TEST_LONG.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <sstream>

#include "tests/support/files.h"
#include "tests/support/lock_world.h"
#include "tests/support/temp_dir.h"

namespace reposfs::testing {
namespace {

using std::chrono::seconds;

constexpr int kProcessCount = 3;
constexpr milliseconds kTimeout = std::chrono::minutes(20);

int AcquisitionCount() {
  return std::getenv("TEST_LONG") != nullptr ? 10'000 : 250;
}

// One acquisition, by its token; times of BootClock in nanoseconds.
struct Tenure {
  std::int64_t acquired_at = 0;
  std::int64_t last_held_at = 0;  // The last time it was asked and said to hold.
  pid_t process = 0;
};

struct History {
  std::map<std::int64_t, Tenure> tenures;
  int refused_count = 0;
  int lost_count = 0;
  int error_count = 0;
  std::size_t repeated_count = 0;
};

History Parse(const std::string& text) {
  History history;
  std::istringstream log(text);
  std::string line;
  while (std::getline(log, line)) {
    char what = 0;
    std::int64_t token = 0;
    std::int64_t time = 0;
    pid_t process = 0;
    EXPECT_EQ(
        std::sscanf(line.c_str(), "%c %" SCNd64 " %" SCNd64 " %d", &what, &token, &time, &process),
        4)
        << line;
    if (what == 'A') {
      const bool added = history.tenures.try_emplace(token, Tenure{time, time, process}).second;
      if (!added) ++history.repeated_count;
    }
    if (what == 'K') history.tenures[token].last_held_at = time;
    if (what == 'D') ++history.refused_count;
    if (what == 'L') ++history.lost_count;
    if (what == 'E') ++history.error_count;
  }
  return history;
}

// Who held it, by his own word, when somebody with a higher token already had it.
std::vector<std::string> Violations(const History& history) {
  std::vector<std::string> found;
  std::int64_t last_held_at = 0;
  std::int64_t last_acquired_at = 0;
  std::int64_t last_token = 0;
  for (const auto& [token, tenure] : history.tenures) {
    if (tenure.acquired_at < last_held_at || tenure.acquired_at < last_acquired_at) {
      found.push_back("token " + std::to_string(token) + " was given while " +
                      std::to_string(last_token) + " was held");
    }
    if (tenure.last_held_at >= last_held_at) last_token = token;
    last_held_at = std::max(last_held_at, tenure.last_held_at);
    last_acquired_at = std::max(last_acquired_at, tenure.acquired_at);
  }
  return found;
}

// Counts while the log grows, without reading it again.
class AcquisitionCounter {
 public:
  explicit AcquisitionCounter(std::filesystem::path log) : path_(std::move(log)) {}

  int Count() {
    if (!log_.is_open()) log_.open(path_);
    log_.clear();
    std::string piece(std::size_t{1} << 16, '\0');
    while (log_.read(piece.data(), static_cast<std::streamsize>(piece.size())), log_.gcount() > 0) {
      const auto end = piece.begin() + log_.gcount();
      count_ += static_cast<int>(std::count(piece.begin(), end, 'A'));
    }
    return count_;
  }

 private:
  const std::filesystem::path path_;
  std::ifstream log_;
  int count_ = 0;
};

// Whether the resource has seen each holder after the other.
bool IsInOrder(const std::string& resource) {
  std::vector<std::int64_t> tokens(resource.size() / sizeof(std::int64_t));
  std::memcpy(tokens.data(), resource.data(), tokens.size() * sizeof(std::int64_t));
  return !tokens.empty() && std::is_sorted(tokens.begin(), tokens.end());
}

class Workers {
 public:
  Workers(const LockWorld& world, const TempDir& directory) {
    Argv argv = world.Worker();
    argv.insert(argv.end(), {"loop", "history", (directory / "resource").string(),
                             (directory / "log").string()});
    for (int i = 0; i < kProcessCount; ++i) {
      start_.push_back([argv, output = directory / ("output" + std::to_string(i))] {
        return ChildProcess::Start(argv, output);
      });
      processes_.push_back(start_.back()());
    }
  }

  // By SIGKILL, and starts it again.
  void Kill(std::size_t index) {
    processes_[index].Kill();
    processes_[index] = start_[index]();
  }
  void Pause(std::size_t index, milliseconds time) {
    processes_[index].Signal(SIGSTOP);
    SleepFor(time);
    processes_[index].Signal(SIGCONT);
  }
  void ExpectAllRun() {
    for (ChildProcess& process : processes_) EXPECT_TRUE(process.running());
  }

 private:
  std::vector<std::function<ChildProcess()>> start_;
  std::vector<ChildProcess> processes_;
};

TEST_P(LockHistoryTest, NoTwoHaveItAndTokensGrow) {
  const TempDir directory("history");
  const auto seed = static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed());
  std::minstd_rand random(seed);
  SCOPED_TRACE("seed " + std::to_string(seed));
  AcquisitionCounter counter(directory / "log");
  const auto count = [&] { return counter.Count(); };
  const int fault_every = AcquisitionCount() / (AcquisitionCount() > 1'000 ? 100 : 5);
  const auto begun = std::chrono::steady_clock::now();
  int fault_count = 0;
  {
    Workers workers(*world_, directory);
    int next = fault_every;
    while (count() < AcquisitionCount() || fault_count < 3) {
      const bool going = WaitUntil([&] { return count() >= next; }, seconds(60));
      ASSERT_TRUE(going) << "stuck at " << count() << " after fault " << fault_count;
      ASSERT_LT(std::chrono::steady_clock::now() - begun, kTimeout);
      next = count() + fault_every;
      const std::size_t victim = random() % kProcessCount;
      switch (fault_count++ % 3) {
        case 0:
          workers.Kill(victim);
          break;
        case 1:
          workers.Pause(victim, world_->lease() * 3 / 2);
          break;
        default:
          world_->Disturb(fault_count / 3);
          break;
      }
    }
    workers.ExpectAllRun();
  }
  const History history = Parse(ReadFile(directory / "log"));
  const std::vector<std::string> violations = Violations(history);
  EXPECT_TRUE(violations.empty()) << violations.size() << " of them: " << violations.front();
  EXPECT_EQ(history.repeated_count, 0u);
  EXPECT_TRUE(IsInOrder(ReadFile(directory / "resource")));
  const auto elapsed = std::chrono::steady_clock::now() - begun;
  std::printf("%zu acquisitions, %d faults, %d losses seen, %d writes refused, %d errors, %lld s\n",
              history.tenures.size(), fault_count, history.lost_count, history.refused_count,
              history.error_count,
              static_cast<long long>(std::chrono::duration_cast<seconds>(elapsed).count()));
}

}  // namespace
}  // namespace reposfs::testing
