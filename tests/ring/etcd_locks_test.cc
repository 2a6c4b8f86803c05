// The locks of a cluster, on real servers: the contract of all locks, and what etcd adds to it.
#include "ring/etcd_locks.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "tests/support/etcd_cluster.h"
#include "tests/support/lock_world.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EtcdCluster;

constexpr seconds kLease{2};

Deadline Soon() {
  return std::chrono::steady_clock::now() + seconds(30);
}

class EtcdWorld final : public testing::LockWorld {
 public:
  // Each has locks of its own.
  explicit EtcdWorld(EtcdCluster& cluster) : cluster_(cluster) {
    static int count = 0;
    options_.prefix = "/test" + std::to_string(count++);
    options_.etcd.endpoints = cluster.endpoints();
    options_.lease = kLease;
  }

  milliseconds lease() const override { return kLease; }
  std::unique_ptr<LockService> Open() override { return OpenEtcdLocks(options_); }

  testing::Argv Worker() const override {
    std::string endpoints;
    for (const std::string& one : cluster_.endpoints()) endpoints += "," + one;
    return {LOCK_WORKER, endpoints.substr(1), options_.prefix, std::to_string(kLease.count())};
  }

  void Break() override { SignalAll(SIGSTOP); }
  void Mend() override { SignalAll(SIGCONT); }

  void Disturb(int number) override {
    const std::size_t leader = cluster_.Leader() % cluster_.server_count();
    const std::size_t other = (leader + 1) % cluster_.server_count();
    switch (number % 5) {
      case 1:
        Hang(leader);
        break;
      case 2:
        Restart(leader);
        break;
      case 3:
        cluster_.Kill(other);
        testing::SleepFor(kLease / 2);
        cluster_.Start(other);
        break;
      case 4:
        Break();
        testing::SleepFor(lease() * 3 / 2);
        Mend();
        break;
      default:
        for (std::size_t i = 0; i < cluster_.server_count(); ++i) cluster_.Kill(i);
        cluster_.StartAll();
        break;
    }
    cluster_.WaitReady();
  }

 private:
  void SignalAll(int signal) {
    for (std::size_t i = 0; i < cluster_.server_count(); ++i) cluster_.Signal(i, signal);
  }
  void Hang(std::size_t index) {
    cluster_.Signal(index, SIGSTOP);
    testing::SleepFor(lease() * 3 / 2);
    cluster_.Signal(index, SIGCONT);
  }
  void Restart(std::size_t index) {
    cluster_.Stop(index);
    cluster_.Start(index);
  }

  EtcdCluster& cluster_;
  EtcdLockOptions options_;
};

// Servers that live as long as the suite, for starting them takes longer than most tests.
template <int server_count>
class Servers : public ::testing::Environment {
 public:
  void TearDown() override { cluster_.reset(); }
  EtcdCluster& cluster() {
    if (!cluster_)
      cluster_ = std::make_unique<EtcdCluster>(testing::EtcdClusterOptions{server_count});
    return *cluster_;
  }
  std::unique_ptr<testing::LockWorld> MakeWorld() { return std::make_unique<EtcdWorld>(cluster()); }

 private:
  std::unique_ptr<EtcdCluster> cluster_;
};

// The environment is gtest's.
auto* const one_server =
    static_cast<Servers<1>*>(::testing::AddGlobalTestEnvironment(new Servers<1>));
auto* const three_servers =
    static_cast<Servers<3>*>(::testing::AddGlobalTestEnvironment(new Servers<3>));

int RoundCount() {
  return std::getenv("TEST_LONG") != nullptr ? 10 : 1;
}

class EtcdLocksTest : public ::testing::Test {
 protected:
  EtcdLockOptions Options(const std::string& prefix) const {
    EtcdLockOptions options;
    options.etcd.endpoints = one_server->cluster().endpoints();
    options.prefix = prefix;
    options.lease = kLease;
    return options;
  }
};

TEST_F(EtcdLocksTest, NoServerIsUnreachableInTime) {
  EtcdLockOptions options = Options("/none");
  options.etcd.endpoints = {"http://127.0.0.1:1"};
  const auto locks = OpenEtcdLocks(options);
  const auto begun = std::chrono::steady_clock::now();
  const auto lock =
      locks->Acquire({LockScope::kCluster, "a"}, LockMode::kShared, begun + milliseconds(300));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(3));
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, Errc::kUnreachable);
  EXPECT_NE(lock.error().message.find("127.0.0.1:1"), std::string::npos);
}

TEST_F(EtcdLocksTest, NothingIsLeftInTheStore) {
  const auto locks = OpenEtcdLocks(Options("/left"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(locks->Acquire({LockScope::kCluster, "a"}, LockMode::kExclusive, Soon()));
  }
  EXPECT_EQ(one_server->cluster().Ctl({"get", "--prefix", "/left"}), "");
}

TEST_F(EtcdLocksTest, WhatSomebodyElsePutThereHarmsNobody) {
  const auto locks = OpenEtcdLocks(Options("/odd"));
  one_server->cluster().Ctl({"put", "/odd/locks/", "x"});
  one_server->cluster().Ctl({"put", "/odd/locks/nonsense/a/b/c", "x"});
  one_server->cluster().Ctl(
      {"put", "/odd/locks/ref/a/7", "{\"mode\": 7, \"owner\": [], \"askedAt\": \"\\u0000\"}"});
  ASSERT_TRUE(locks->List(Soon()));
  EXPECT_EQ(locks->List(Soon())->size(), 1u);
  // It may be the ticket of a newer version: it is respected.
  const auto lock = locks->Acquire({LockScope::kRef, "a"}, LockMode::kShared,
                                   std::chrono::steady_clock::now() + milliseconds(200));
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, Errc::kTimedOut);
}

// A leader that hung believes for a moment that it still leads: what it knows of leases is old.
TEST_F(EtcdLocksTest, NobodyElseGetsItWhenALeaderComesBack) {
  EtcdCluster& cluster = three_servers->cluster();
  EtcdLockOptions options = Options("/leader");
  options.etcd.endpoints = cluster.endpoints();
  const auto locks = OpenEtcdLocks(options);
  const auto others = OpenEtcdLocks(options);
  for (int round = 0; round < RoundCount(); ++round) {
    const auto lock = locks->Acquire({LockScope::kCluster, "a"}, LockMode::kExclusive, Soon());
    ASSERT_TRUE(lock) << lock.error().message;
    testing::SleepFor(kLease);  // It has been renewed.
    const std::size_t leader = cluster.Leader();
    ASSERT_LT(leader, cluster.server_count());
    std::atomic<bool> back{false};
    std::thread pause([&] {
      cluster.Signal(leader, SIGSTOP);
      testing::SleepFor(kLease * 2 + milliseconds(100 * round));
      cluster.Signal(leader, SIGCONT);
      testing::SleepFor(kLease);
      back = true;
    });
    while (!back) {
      const bool before = lock->still_held();
      const auto taken = others->Acquire({LockScope::kCluster, "a"}, LockMode::kExclusive,
                                         std::chrono::steady_clock::now() + milliseconds(100));
      EXPECT_FALSE(taken && before && lock->still_held()) << "round " << round;
    }
    pause.join();
  }
}

const testing::LockWorldKind kEtcd{"Etcd", [] { return one_server->MakeWorld(); }};
const testing::LockWorldKind kCluster{"EtcdCluster", [] { return three_servers->MakeWorld(); }};

}  // namespace

namespace testing {

INSTANTIATE_TEST_SUITE_P(Locks, LockContractTest, ::testing::Values(kEtcd),
                         ::testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Locks, LockHistoryTest, ::testing::Values(kCluster),
                         ::testing::PrintToStringParamName());

}  // namespace testing
}  // namespace reposfs
