// What every coordinator of locks must do; cache/ and ring/ run it on theirs.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <sstream>
#include <thread>

#include "tests/support/files.h"
#include "tests/support/lock_world.h"
#include "tests/support/temp_dir.h"

namespace reposfs::testing {
namespace {

using std::chrono::seconds;

constexpr milliseconds kLong = seconds(60);

Deadline In(milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

LockName Repository(const std::string& name) {
  return {LockScope::kRepository, name};
}

// Another process that takes one lock and holds it.
class Holder {
 public:
  Holder(const LockWorld& world, const std::string& name, LockMode mode)
      : Holder(world, {"hold", name, std::string(LockModeName(mode))}) {}
  // `arguments` as lock_worker.cc has them, without the log.
  Holder(const LockWorld& world, const Argv& arguments) {
    Argv argv = world.Worker();
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    argv.push_back(log_.string());
    process_ = ChildProcess::Start(argv, directory_ / "output");
  }

  bool Says(char what, milliseconds timeout = kLong) const {
    return WaitUntil(
        [&] { return ReadFile(log_).find(std::string(1, what) + " ") != std::string::npos; },
        timeout);
  }

  std::int64_t token() const {
    std::istringstream log(ReadFile(log_));
    char what = 0;
    std::int64_t number = 0;
    log >> what >> number;  // Whatever it says first, it is of the lock that it has.
    return number;
  }

  ChildProcess& process() { return process_; }

 private:
  TempDir directory_{"holder"};
  const std::filesystem::path log_ = directory_ / "log";
  ChildProcess process_;
};

// How many wait for, or hold, any lock.
std::size_t CountRecords(LockService& locks, bool held) {
  const auto records = locks.List(In(kLong));
  if (!records) return 0;
  return static_cast<std::size_t>(
      std::count_if(records->begin(), records->end(),
                    [&](const LockRecord& record) { return record.held == held; }));
}

::testing::AssertionResult IsTaken(LockService& locks, const LockName& name, LockMode mode) {
  const auto lock = locks.Acquire(name, mode, In(milliseconds(150)));
  if (lock) return ::testing::AssertionFailure() << "it was free";
  if (lock.error().code != Errc::kTimedOut) {
    return ::testing::AssertionFailure() << lock.error().message;
  }
  return ::testing::AssertionSuccess();
}

// Takes `name` on a thread of its own, and notes when its turn has come.
class Waiter {
 public:
  Waiter(LockService& locks, const LockName& name, LockMode mode)
      : thread_([this, &locks, name, mode] {
          auto lock = locks.Acquire(name, mode, In(kLong));
          token_ = lock ? lock->fencing_token() : -1;
          while (lock && !release_) SleepFor(milliseconds(1));
        }) {}
  ~Waiter() {
    release_ = true;
    thread_.join();
  }

  bool Has(milliseconds timeout = kLong) const {
    return WaitUntil([this] { return token_ != 0; }, timeout);
  }
  std::int64_t token() const { return token_; }
  void Release() { release_ = true; }

 private:
  std::atomic<std::int64_t> token_{0};
  std::atomic<bool> release_{false};
  std::thread thread_;
};

TEST_P(LockContractTest, AnExclusiveLockHasOneHolder) {
  const auto one = world_->Open();
  const auto other = world_->Open();
  std::int64_t token = 0;
  {
    const auto lock = one->Acquire(Repository("a"), LockMode::kExclusive, In(kLong));
    ASSERT_TRUE(lock) << lock.error().message;
    EXPECT_TRUE(lock->still_held());
    EXPECT_TRUE(lock->Check());
    token = lock->fencing_token();
    EXPECT_TRUE(IsTaken(*other, Repository("a"), LockMode::kExclusive));
    EXPECT_TRUE(IsTaken(*other, Repository("a"), LockMode::kShared));
    EXPECT_TRUE(IsTaken(*one, Repository("a"), LockMode::kExclusive)) << "it is not recursive";
  }
  const auto lock = other->Acquire(Repository("a"), LockMode::kExclusive, In(kLong));
  ASSERT_TRUE(lock);
  EXPECT_GT(lock->fencing_token(), token);
}

TEST_P(LockContractTest, ASharedLockHasManyHolders) {
  const auto one = world_->Open();
  const auto other = world_->Open();
  auto first = one->Acquire(Repository("a"), LockMode::kShared, In(kLong));
  auto second = other->Acquire(Repository("a"), LockMode::kShared, In(kLong));
  ASSERT_TRUE(first && second);
  Waiter writer(*one, Repository("a"), LockMode::kExclusive);
  ASSERT_TRUE(WaitUntil([&] { return CountRecords(*one, false) == 1; }, kLong));
  { const Lock gone = std::move(*first); }
  EXPECT_FALSE(writer.Has(milliseconds(100)));
  { const Lock gone = std::move(*second); }
  EXPECT_TRUE(writer.Has());
}

TEST_P(LockContractTest, OthersScopesAndNamesAreOtherLocks) {
  const auto locks = world_->Open();
  const std::string odd = std::string("\xff/%2F\n") + std::string(1'000, 'x');
  const std::vector<LockName> names = {
      {LockScope::kRepository, "a"}, {LockScope::kRepository, "a/b"}, {LockScope::kRef, "a"},
      {LockScope::kObject, "a"},     {LockScope::kCluster, "a"},      {LockScope::kRepository, "A"},
      {LockScope::kRepository, odd}};
  std::vector<Lock> held;
  for (const LockName& name : names) {
    auto lock = locks->Acquire(name, LockMode::kExclusive, In(kLong));
    ASSERT_TRUE(lock) << lock.error().message;
    held.push_back(std::move(*lock));
  }
  const auto records = locks->List(In(kLong));
  ASSERT_TRUE(records);
  std::set<std::pair<LockScope, std::string>> listed;
  for (const LockRecord& record : *records) listed.emplace(record.name.scope, record.name.name);
  for (const LockName& name : names) EXPECT_TRUE(listed.contains({name.scope, name.name}));
}

TEST_P(LockContractTest, SenselessNamesAreRefused) {
  const auto locks = world_->Open();
  for (const std::string& name : {std::string(), std::string(1'025, 'x')}) {
    const auto lock = locks->Acquire(Repository(name), LockMode::kExclusive, In(kLong));
    ASSERT_FALSE(lock);
    EXPECT_EQ(lock.error().code, Errc::kInvalidArgument);
  }
}

TEST_P(LockContractTest, WaitersAreServedInTheirOrder) {
  const auto locks = world_->Open();
  const auto other = world_->Open();
  auto first = locks->Acquire(Repository("a"), LockMode::kShared, In(kLong));
  ASSERT_TRUE(first);
  const auto queue = [&](std::size_t count) {
    return WaitUntil([&] { return CountRecords(*locks, false) == count; }, kLong);
  };
  Waiter second(*other, Repository("a"), LockMode::kExclusive);
  ASSERT_TRUE(queue(1));
  Waiter third(*locks, Repository("a"), LockMode::kShared);
  ASSERT_TRUE(queue(2));
  Waiter fourth(*other, Repository("a"), LockMode::kExclusive);
  ASSERT_TRUE(queue(3));
  EXPECT_FALSE(third.Has(milliseconds(50))) << "shared locks must not starve exclusive ones";
  { const Lock gone = std::move(*first); }
  ASSERT_TRUE(second.Has());
  EXPECT_FALSE(third.Has(milliseconds(50)));
  second.Release();
  ASSERT_TRUE(third.Has());
  EXPECT_FALSE(fourth.Has(milliseconds(50)));
  third.Release();
  ASSERT_TRUE(fourth.Has());
  EXPECT_LT(second.token(), third.token());
  EXPECT_LT(third.token(), fourth.token());
}

TEST_P(LockContractTest, AReleaseWakesTheNext) {
  const auto locks = world_->Open();
  const auto other = world_->Open();
  auto lock = locks->Acquire(Repository("a"), LockMode::kExclusive, In(kLong));
  ASSERT_TRUE(lock);
  Waiter waiter(*other, Repository("a"), LockMode::kExclusive);
  ASSERT_TRUE(WaitUntil([&] { return CountRecords(*locks, false) == 1; }, kLong));
  { const Lock gone = std::move(*lock); }
  // A waiter that nobody wakes looks again after two seconds.
  EXPECT_TRUE(waiter.Has(milliseconds(1'500)));
}

TEST_P(LockContractTest, AWaiterThatGivesUpIsInNobodysWay) {
  const auto locks = world_->Open();
  auto first = locks->Acquire(Repository("a"), LockMode::kShared, In(kLong));
  ASSERT_TRUE(first);
  EXPECT_TRUE(IsTaken(*locks, Repository("a"), LockMode::kExclusive));
  EXPECT_TRUE(locks->Acquire(Repository("a"), LockMode::kShared, In(kLong)));
}

TEST_P(LockContractTest, AHolderThatDiesLosesIt) {
  const auto locks = world_->Open();
  Holder holder(*world_, "a", LockMode::kExclusive);
  ASSERT_TRUE(holder.Says('A'));
  holder.process().Kill();
  const auto begun = std::chrono::steady_clock::now();
  const auto lock = locks->Acquire(Repository("a"), LockMode::kExclusive, In(kLong));
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_GT(lock->fencing_token(), holder.token());
  // What is left of the lease after its last renewal, and not much more than a whole one.
  const auto elapsed = std::chrono::steady_clock::now() - begun;
  EXPECT_GT(elapsed, world_->lease() / 2);
  EXPECT_LT(elapsed, world_->lease() + seconds(5));
}

TEST_P(LockContractTest, AWaiterThatDiesIsInNobodysWayAfterItsLease) {
  const auto locks = world_->Open();
  auto lock = locks->Acquire(Repository("a"), LockMode::kExclusive, In(kLong));
  ASSERT_TRUE(lock);
  Holder waiter(*world_, "a", LockMode::kExclusive);
  ASSERT_TRUE(WaitUntil([&] { return CountRecords(*locks, false) == 1; }, kLong));
  waiter.process().Kill();
  Waiter next(*locks, Repository("a"), LockMode::kExclusive);
  ASSERT_TRUE(WaitUntil([&] { return CountRecords(*locks, false) == 2; }, kLong));
  { const Lock gone = std::move(*lock); }
  EXPECT_TRUE(next.Has(world_->lease() + seconds(5)));
}

TEST_P(LockContractTest, ALivingHolderKeepsIt) {
  const auto locks = world_->Open();
  const auto other = world_->Open();
  const auto lock = locks->Acquire(Repository("a"), LockMode::kExclusive, In(kLong));
  ASSERT_TRUE(lock);
  const auto taken =
      other->Acquire(Repository("a"), LockMode::kExclusive, In(world_->lease() * 5 / 2));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::kTimedOut);
  EXPECT_NE(taken.error().message.find("repository:a"), std::string::npos);
  EXPECT_TRUE(lock->still_held());
}

TEST_P(LockContractTest, AHolderThatSleptFindsOut) {
  const auto locks = world_->Open();
  Holder holder(*world_, "a", LockMode::kExclusive);
  ASSERT_TRUE(holder.Says('A'));
  holder.process().Signal(SIGSTOP);
  auto lock = locks->Acquire(Repository("a"), LockMode::kExclusive, In(kLong));
  ASSERT_TRUE(lock) << lock.error().message;
  EXPECT_GT(lock->fencing_token(), holder.token());
  holder.process().Signal(SIGCONT);
  EXPECT_TRUE(holder.Says('L'));
  // What it gives back is its own ticket, not that of whoever came after it.
  ASSERT_TRUE(holder.Says('R'));
  EXPECT_TRUE(lock->still_held());
  EXPECT_TRUE(IsTaken(*world_->Open(), Repository("a"), LockMode::kExclusive));
}

TEST_P(LockContractTest, TheTokenTellsWhoWasOvertaken) {
  const TempDir directory("resource");
  const Argv blind = {"blind", "a", directory / "resource"};
  Holder first(*world_, blind);
  ASSERT_TRUE(first.Says('A'));
  first.process().Signal(SIGSTOP);
  Holder second(*world_, blind);
  ASSERT_TRUE(second.Says('A'));
  EXPECT_TRUE(second.Says('W'));
  EXPECT_GT(second.token(), first.token());
  first.process().Signal(SIGCONT);
  first.process().Signal(SIGTERM);
  EXPECT_TRUE(first.Says('D')) << "the resource must refuse it";
  second.process().Signal(SIGTERM);
  ASSERT_TRUE(second.Says('R'));
  EXPECT_FALSE(second.Says('D', milliseconds(1)));
}

TEST_P(LockContractTest, WithoutTheCoordinatorAHolderIsToldInTime) {
  const auto locks = world_->Open();
  auto lock = locks->Acquire(Repository("a"), LockMode::kExclusive, In(kLong));
  ASSERT_TRUE(lock);
  std::atomic<bool> told{false};
  lock->OnLoss([&] { told = true; });
  world_->Break();
  const auto broken = std::chrono::steady_clock::now();
  const auto other = locks->Acquire(Repository("b"), LockMode::kExclusive, In(milliseconds(300)));
  EXPECT_TRUE(WaitUntil([&] { return !lock->still_held(); }, kLong));
  EXPECT_LT(std::chrono::steady_clock::now() - broken, world_->lease());
  EXPECT_TRUE(WaitUntil([&] { return told.load(); }, seconds(5)));
  world_->Mend();
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::kUnreachable) << other.error().message;
  EXPECT_EQ(lock->Check().error().code, Errc::kInterrupted);
  EXPECT_FALSE(lock->still_held()) << "what is lost stays lost";
  EXPECT_TRUE(world_->Open()->Acquire(Repository("a"), LockMode::kExclusive, In(kLong)));
}

TEST_P(LockContractTest, AShortOutageIsSurvived) {
  const auto locks = world_->Open();
  auto lock = locks->Acquire(Repository("a"), LockMode::kExclusive, In(kLong));
  ASSERT_TRUE(lock);
  Waiter waiter(*locks, Repository("a"), LockMode::kExclusive);
  ASSERT_TRUE(WaitUntil([&] { return CountRecords(*locks, false) == 1; }, kLong));
  for (int i = 0; i < 3; ++i) {
    world_->Break();
    SleepFor(world_->lease() / 8);
    world_->Mend();
    SleepFor(world_->lease() * 2 / 5);
  }
  EXPECT_TRUE(lock->still_held());
  EXPECT_FALSE(waiter.Has(milliseconds(1)));
  { const Lock gone = std::move(*lock); }
  EXPECT_TRUE(waiter.Has());
}

TEST_P(LockContractTest, StoppingEndsTheWaitAndKeepsWhatIsHeld) {
  auto locks = world_->Open();
  const auto other = world_->Open();
  std::int64_t token = 0;
  {
    const auto lock = locks->Acquire(Repository("a"), LockMode::kExclusive, In(kLong));
    ASSERT_TRUE(lock);
    token = lock->fencing_token();
    Waiter waiter(*locks, Repository("a"), LockMode::kExclusive);
    ASSERT_TRUE(WaitUntil([&] { return CountRecords(*other, false) == 1; }, kLong));
    locks->Stop();
    EXPECT_TRUE(waiter.Has(seconds(5)));
    EXPECT_EQ(waiter.token(), -1);
    EXPECT_EQ(locks->Acquire(Repository("b"), LockMode::kShared, In(kLong)).error().code,
              Errc::kInterrupted);
    EXPECT_TRUE(lock->still_held());
  }
  locks.reset();
  const auto next = other->Acquire(Repository("a"), LockMode::kExclusive, In(seconds(1)));
  ASSERT_TRUE(next) << "it was given back at once: " << next.error().message;
  EXPECT_GT(next->fencing_token(), token);
}

TEST_P(LockContractTest, TheListTellsHoldersAndWaiters) {
  const auto locks = world_->Open();
  const auto lock = locks->Acquire(Repository("h/o/n"), LockMode::kExclusive, In(kLong));
  ASSERT_TRUE(lock);
  Holder waiter(*world_, "h/o/n", LockMode::kShared);
  ASSERT_TRUE(WaitUntil([&] { return CountRecords(*locks, false) == 1; }, kLong));
  const auto records = locks->List(In(kLong));
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 2u);
  const LockRecord& holds = records->at(0);
  EXPECT_TRUE(holds.held);
  EXPECT_EQ(holds.name.name, "h/o/n");
  EXPECT_EQ(holds.name.scope, LockScope::kRepository);
  EXPECT_EQ(holds.mode, LockMode::kExclusive);
  EXPECT_EQ(holds.token, lock->fencing_token());
  EXPECT_EQ(holds.owner, LockOwnerName());
  ASSERT_TRUE(holds.lease_left);
  EXPECT_GT(*holds.lease_left, milliseconds(0));
  EXPECT_LE(*holds.lease_left, world_->lease());
  ASSERT_TRUE(holds.held_since);
  EXPECT_GE(*holds.held_since, holds.asked_at);
  EXPECT_LT(SystemClock().Now() - *holds.held_since, kLong);
  const LockRecord& waits = records->at(1);
  EXPECT_FALSE(waits.held);
  EXPECT_FALSE(waits.held_since);
  EXPECT_EQ(waits.mode, LockMode::kShared);
  EXPECT_TRUE(waits.owner.ends_with(":" + std::to_string(waiter.process().pid())));
}

TEST_P(LockContractTest, TokensGrowOverRestarts) {
  std::int64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    const auto locks = world_->Open();
    const auto lock = locks->Acquire(Repository("a"), LockMode::kExclusive, In(kLong));
    ASSERT_TRUE(lock);
    EXPECT_GT(lock->fencing_token(), last);
    last = lock->fencing_token();
  }
}

TEST_P(LockContractTest, NothingStaysOpen) {
  const std::size_t before = OpenFdCount();
  {
    const auto locks = world_->Open();
    EXPECT_TRUE(locks->Acquire(Repository("a"), LockMode::kExclusive, In(kLong)));
  }
  EXPECT_EQ(OpenFdCount(), before);
}

}  // namespace
}  // namespace reposfs::testing
