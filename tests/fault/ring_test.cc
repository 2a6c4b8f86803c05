// Several daemons as one ring, each on a machine of its own: an address, a disk, a mount.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "base/mutex.h"
#include "tests/support/etcd_cluster.h"
#include "tests/support/mount_test.h"
#include "tests/support/network.h"

namespace reposfs::testing {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kSettleTimeout = std::chrono::minutes(2);
constexpr int kNodeCount = 3;
constexpr int kNodeCountMax = 4;
constexpr int kHostMachine = 5;
constexpr milliseconds kSlowestRead = std::chrono::seconds(5);

bool IsLong() {
  return std::getenv("TEST_LONG") != nullptr;
}

class RingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = WhyNoMount(); !why.empty()) GTEST_SKIP() << why;
    if (const std::string why = WhyNoNetwork(); !why.empty()) GTEST_SKIP() << why;
    network_ = std::make_unique<Network>(kHostMachine);
    host_ =
        std::make_unique<GitServer>(Network::Address(kHostMachine), network_->Enter(kHostMachine));
    WriteFile(scratch_ / "token", "the-secret-of-this-ring\n");
    for (int node = 1; node <= kNodeCountMax; ++node) daemons_.push_back(NewDaemon(node));
  }

  std::unique_ptr<Daemon> NewDaemon(int node) {
    auto daemon = std::make_unique<Daemon>();
    daemon->SetMachine(network_->Enter(node));
    daemon->AddHost("test", host_->UrlTemplate());
    daemon->Set("http.listen", Network::Address(node) + ":7420");
    daemon->Set("ring.enabled", "true");
    daemon->Set("ring.nodeId", "n" + std::to_string(node));
    daemon->Set("ring.nodesFile", scratch_ / "nodes.yaml");
    daemon->Set("ring.tokenFile", scratch_ / "token");
    daemon->Set("ring.healthCheckInterval", "1s");
    daemon->Set("ring.timeout", "2s");
    daemon->Set("ring.leaveAfter", "1s");
    return daemon;
  }
  Daemon& Node(int node) { return *daemons_[static_cast<std::size_t>(node - 1)]; }

  void WriteNodes(int count) {
    std::string text;
    for (int node = 1; node <= count; ++node) {
      text += "- { id: n" + std::to_string(node) + ", address: \"http://" + Network::Address(node) +
              ":7420\" }\n";
    }
    WriteFile(scratch_ / "nodes.yaml.next", text);
    std::filesystem::rename(scratch_ / "nodes.yaml.next", scratch_ / "nodes.yaml");
  }
  void StartNodes() {
    WriteNodes(kNodeCount);
    for (int node = 1; node <= kNodeCount; ++node) ASSERT_TRUE(Node(node).Start());
  }

  static std::string NameOf(int i) { return "o/r" + std::to_string(i); }
  static std::string Key(const std::string& name) { return "test/" + name; }
  void MakeRepositories(int count) {
    for (int i = 0; i < count; ++i) {
      names_.push_back(NameOf(i));
      FillWith(host_->Create(names_.back()), "content of " + names_.back());
    }
  }

  int MemberCount(int asked) {
    return static_cast<int>(Node(asked).CliJson({"ring", "nodes"})["members"].size());
  }
  // The nodes that own `name`, the first owner first.
  std::vector<int> OwnersOf(const std::string& name, int asked = 1) {
    std::vector<int> owners;
    const nlohmann::json located = Node(asked).CliJson({"ring", "locate", Key(name)});
    for (const auto& owner : located["owners"]) {
      owners.push_back(std::stoi(owner["id"].get<std::string>().substr(1)));
    }
    return owners;
  }
  bool IsOwner(int node, const std::string& name) {
    const std::vector<int> owners = OwnersOf(name, node);
    return std::find(owners.begin(), owners.end(), node) != owners.end();
  }

  static std::string ReadOf(Daemon& daemon, const std::string& name) {
    return ReadFile(daemon / (Key(name) + "/file"));
  }
  void ExpectAllReadable(int node) {
    for (const std::string& name : names_) {
      EXPECT_EQ(ReadOf(Node(node), name), "content of " + name) << "node " << node;
    }
  }
  // Each repository is whole on its owners.
  bool OwnersHaveAll(const std::vector<int>& nodes) {
    for (const int node : nodes) {
      std::map<std::string, std::string> stages;
      for (const auto& entry : Node(node).CliJson({"list"})) {
        stages[entry["key"]] = entry["stage"];
      }
      for (const std::string& name : names_) {
        if (IsOwner(node, name) && stages[Key(name)] != "complete") return false;
      }
    }
    return true;
  }
  // Those that hold it whole.
  std::set<int> WholeOn(const std::string& name, int node_count) {
    std::set<int> nodes;
    for (int node = 1; node <= node_count; ++node) {
      if (Node(node).Stage(Key(name)) == "complete") nodes.insert(node);
    }
    return nodes;
  }
  // Who asked the git host for `name`, by request: "10.77.0.1 ls-refs".
  std::map<std::string, int> AsksOf(const std::string& name) {
    std::map<std::string, int> asks;
    for (const GitRequest& request : host_->Requests(name)) {
      if (request.kind == "pack") ++asks[request.client + " " + request.command];
    }
    return asks;
  }

  TempDir scratch_{"ring"};
  std::unique_ptr<Network> network_;
  std::unique_ptr<GitServer> host_;
  std::vector<std::unique_ptr<Daemon>> daemons_;
  std::vector<std::string> names_;
};

TEST_F(RingTest, EveryRepositoryIsFetchedOnceAndKeptByItsOwners) {
  MakeRepositories(IsLong() ? 60 : 9);
  StartNodes();
  std::vector<std::thread> readers;
  for (int node = 1; node <= kNodeCount; ++node) {
    readers.emplace_back([this, node] { ExpectAllReadable(node); });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(WaitUntil([&] { return OwnersHaveAll({1, 2, 3}); }, kSettleTimeout));
  for (const std::string& name : names_) {
    const std::vector<int> owners = OwnersOf(name);
    ASSERT_EQ(owners.size(), 2u);
    EXPECT_EQ(WholeOn(name, kNodeCount), (std::set<int>{owners[0], owners[1]})) << name;
    const auto asks = AsksOf(name);
    const std::string first = Network::Address(owners[0]);
    for (const auto& [ask, count] : asks) {
      EXPECT_TRUE(ask.starts_with(first + " ")) << name << " was asked for by " << ask;
    }
    EXPECT_EQ(asks.at(first + " ls-refs"), 1) << name;
  }
  for (int node = 1; node <= kNodeCount; ++node) {
    std::set<std::string> listed;
    for (const std::string& entry : List(Node(node) / "test/o")) listed.insert("o/" + entry);
    EXPECT_EQ(listed, std::set<std::string>(names_.begin(), names_.end())) << "node " << node;
  }
}

TEST_F(RingTest, StrangersGetTheProbesOnly) {
  StartNodes();
  const auto status = [&](const std::string& path, const Argv& more = {}) {
    Argv argv = network_->Enter(kHostMachine);
    argv.insert(argv.end(), {"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"});
    argv.insert(argv.end(), more.begin(), more.end());
    argv.push_back("http://" + Network::Address(1) + ":7420" + path);
    return Output(argv);
  };
  const Argv with_secret = {"-H", "Authorization: Bearer the-secret-of-this-ring"};
  const Argv with_another = {"-H", "Authorization: Bearer the-secret-of-that-ring"};
  EXPECT_EQ(status("/healthz"), "200");
  EXPECT_EQ(status("/readyz", with_another), "200");
  for (const char* path : {"/v1/repos", "/v1/status", "/v1/ring", "/v1/ring/holdings/none/0"}) {
    EXPECT_EQ(status(path), "403") << path;
    EXPECT_EQ(status(path, with_another), "403") << path;
    EXPECT_EQ(status(path, with_secret), "200") << path;
  }
  EXPECT_EQ(status("/v1/repos/test/o/n/evict", {"-X", "POST", with_secret[0], with_secret[1]}),
            "403")
      << "changes are made on the machine itself";
}

TEST_F(RingTest, AChangeReachesEveryNode) {
  MakeRepositories(1);
  for (int node = 1; node <= kNodeCount; ++node) Node(node).Set("freshness.maxAge", "1s");
  StartNodes();
  for (int node = 1; node <= kNodeCount; ++node) ExpectAllReadable(node);
  AddCommit(host_->Path(names_[0]), "main", "changed");
  for (int node = 1; node <= kNodeCount; ++node) {
    EXPECT_TRUE(
        WaitUntil([&] { return ReadOf(Node(node), names_[0]) == "changed"; }, kSettleTimeout))
        << "node " << node;
  }
}

// Reads everything on the nodes that are well, from many threads, until it is destroyed.
class Readers {
 public:
  Readers(std::vector<Daemon*> daemons, std::vector<std::string> names, int count) {
    for (int i = 0; i < count; ++i) {
      Daemon& daemon = *daemons[static_cast<std::size_t>(i) % daemons.size()];
      threads_.emplace_back([this, &daemon, names, i] { Read(daemon, names, i); });
    }
  }
  ~Readers() { Stop(); }
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  void Stop() {
    stopping_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  std::int64_t read_count() const { return read_count_; }
  std::string failures() const {
    MutexLock lock(mutex_);
    return failures_;
  }
  milliseconds slowest() const { return milliseconds(slowest_ms_); }

 private:
  void Read(Daemon& daemon, const std::vector<std::string>& names, int first) {
    for (std::size_t i = static_cast<std::size_t>(first); !stopping_; ++i) {
      const std::string& name = names[i % names.size()];
      const auto begun = SteadyClock::now();
      const std::string content = ReadFile(daemon / ("test/" + name + "/file"));
      const auto took = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - begun);
      std::int64_t before = slowest_ms_;
      while (took.count() > before && !slowest_ms_.compare_exchange_weak(before, took.count())) {
      }
      ++read_count_;
      if (content == "content of " + name) continue;
      MutexLock lock(mutex_);
      failures_ += name + ": \"" + content + "\" after " + std::to_string(took.count()) + " ms\n";
    }
  }

  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> read_count_{0};
  std::atomic<std::int64_t> slowest_ms_{0};
  mutable Mutex mutex_;
  std::string failures_ REPOSFS_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

class RingFaultTest : public RingTest {
 protected:
  static constexpr int kVictim = 2;

  // All of the ring is in order, and then `fault` is done to the victim while 16 threads read on
  // the others what these do not own; `heal` undoes it.
  void ExpectNobodyNotices(const std::function<void()>& fault, const std::function<void()>& heal) {
    MakeRepositories(IsLong() ? 30 : 8);
    StartNodes();
    ExpectAllReadable(1);
    ASSERT_TRUE(WaitUntil([&] { return OwnersHaveAll({1, 2, 3}); }, kSettleTimeout));
    host_->ForgetRequests();

    fault();
    {
      Readers readers({&Node(1), &Node(3)}, names_, 16);
      // What is not a node's own is fetched again and again.
      for (int round = 0; round < (IsLong() ? 20 : 3); ++round) {
        for (const int node : {1, 3}) {
          for (const std::string& name : names_) {
            if (!IsOwner(node, name)) (void)Node(node).Cli({"evict", Key(name)});
          }
        }
        const std::int64_t before = readers.read_count();
        EXPECT_TRUE(WaitUntil([&] { return readers.read_count() > before + 100; }, kSettleTimeout));
      }
      readers.Stop();
      EXPECT_EQ(readers.failures(), "");
      EXPECT_LT(readers.slowest(), kSlowestRead);
      RecordProperty("slowest_ms", static_cast<int>(readers.slowest().count()));
    }
    heal();
    EXPECT_TRUE(WaitUntil([&] { return OwnersHaveAll({1, 2, 3}); }, kSettleTimeout));
    EXPECT_TRUE(WaitUntil([&] { return StateOf(1, kVictim) == "up"; }, kSettleTimeout));
    ExpectAllReadable(kVictim);
    for (const std::string& name : names_) {
      int fetches = 0;
      for (const auto& [ask, count] : AsksOf(name)) fetches += ask.ends_with(" fetch") ? count : 0;
      EXPECT_EQ(fetches, 0) << name << " was fetched from the host again";
    }
  }
  std::string StateOf(int asked, int node) {
    const nlohmann::json ring = Node(asked).CliJson({"ring", "nodes"});
    for (const auto& one : ring["members"]) {
      if (one["id"] == "n" + std::to_string(node)) return one["state"];
    }
    return "unknown";
  }
};

TEST_F(RingFaultTest, ANodeThatIsKilledIsDoneWithout) {
  ExpectNobodyNotices([&] { Node(kVictim).Kill9(); }, [&] { ASSERT_TRUE(Node(kVictim).Start()); });
}

TEST_F(RingFaultTest, ANodeThatIsStoppedIsDoneWithout) {
  ExpectNobodyNotices([&] { kill(Node(kVictim).pid(), SIGSTOP); },
                      [&] { kill(Node(kVictim).pid(), SIGCONT); });
}

TEST_F(RingFaultTest, ANodeThatIsCutOffIsDoneWithout) {
  ExpectNobodyNotices([&] { network_->Unplug(kVictim); }, [&] { network_->Plug(kVictim); });
}

TEST_F(RingFaultTest, ANodeWhoseAnswersGetLostIsDoneWithout) {
  ExpectNobodyNotices(
      [&] {
        for (const int other : {1, 3}) network_->Lose(kVictim, other);
      },
      [&] {
        for (const int other : {1, 3}) network_->LoseNoMore(kVictim, other);
      });
}

TEST_F(RingFaultTest, ANodeThatFlapsIsDoneWithout) {
  std::atomic<bool> flapping{true};
  std::thread hand;
  ExpectNobodyNotices(
      [&] {
        hand = std::thread([&] {
          for (bool plugged = true; flapping; plugged = !plugged) {
            plugged ? network_->Unplug(kVictim) : network_->Plug(kVictim);
            WaitUntil([&] { return !flapping; }, std::chrono::seconds(5));
          }
        });
      },
      [&] {
        flapping = false;
        hand.join();
        network_->Plug(kVictim);
      });
}

// The nodes find each other through etcd, which is not needed to go on.
TEST_F(RingTest, ReadsGoOnWhateverBecomesOfEtcd) {
  EtcdClusterOptions options;
  options.server_count = 3;
  options.address = Network::Address(kHostMachine);
  options.enter = network_->Enter(kHostMachine);
  EtcdCluster etcd(options);
  std::string endpoints;
  for (const std::string& one : etcd.endpoints()) {
    endpoints += (endpoints.empty() ? "\"" : ", \"") + one + "\"";
  }
  for (int node = 1; node <= kNodeCount; ++node) {
    Node(node).Unset("ring.nodesFile");
    Node(node).Set("ring.discovery", "etcd");
    Node(node).Set("ring.address", "\"http://" + Network::Address(node) + ":7420\"");
    Node(node).Set("ring.etcd", "{ endpoints: [" + endpoints + "], leaseTtl: 3s }");
    ASSERT_TRUE(Node(node).Start());
  }
  MakeRepositories(8);
  const auto knows_all = [&](int node) { return MemberCount(node) == kNodeCount; };
  for (int node = 1; node <= kNodeCount; ++node) {
    ASSERT_TRUE(WaitUntil([&] { return knows_all(node); }, kSettleTimeout)) << node;
  }
  ExpectAllReadable(1);
  ASSERT_TRUE(WaitUntil([&] { return OwnersHaveAll({1, 2, 3}); }, kSettleTimeout));

  const auto expect_reads = [&](const std::string& when) {
    for (int node = 1; node <= kNodeCount; ++node) {
      for (const std::string& name : names_) {
        if (!IsOwner(node, name)) (void)Node(node).Cli({"evict", Key(name)});
      }
      ExpectAllReadable(node);
      EXPECT_TRUE(knows_all(node)) << when;
    }
  };
  const std::size_t leader = etcd.Leader();
  ASSERT_LT(leader, etcd.server_count());
  etcd.Signal(leader, SIGSTOP);
  expect_reads("its leader is paused");
  etcd.Signal(leader, SIGCONT);
  for (std::size_t i = 0; i < etcd.server_count(); ++i) etcd.Kill(i);
  expect_reads("it is gone");
  etcd.StartAll();
  etcd.WaitReady();
  expect_reads("it is back");
  // Something new is fetched once, under the ring's lock.
  names_.push_back("o/new");
  FillWith(host_->Create("o/new"), "content of o/new");
  for (int node = 1; node <= kNodeCount; ++node) ExpectAllReadable(node);
  EXPECT_TRUE(WaitUntil([&] { return OwnersHaveAll({1, 2, 3}); }, kSettleTimeout));
  std::set<std::string> clients;
  for (const GitRequest& request : host_->Requests("o/new")) clients.insert(request.client);
  EXPECT_EQ(clients.size(), 1u);
}

// A node that owns nothing of a repository is a git host for it.
TEST_F(RingTest, StockGitIsServedByANodeThatOwnsNothing) {
  MakeRepositories(6);
  StartNodes();
  const auto stranger_to = [&](const std::string& name) {
    for (int node = 1; node <= kNodeCount; ++node) {
      if (!IsOwner(node, name)) return node;
    }
    return 0;
  };
  const std::string& name = names_.front();
  const int node = stranger_to(name);
  ASSERT_NE(node, 0);
  const std::string url = "http://any:" + ReadFile(scratch_ / "token").substr(0, 23) + "@" +
                          Network::Address(node) + ":7420/" + Key(name) + ".git";
  const auto git = [&](Argv arguments) {
    Argv argv = network_->Enter(kHostMachine);
    argv.insert(argv.end(), {"git"});
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return Output(argv);
  };
  const std::string head = Git(host_->Path(name), {"rev-parse", "main"});
  EXPECT_NE(git({"ls-remote", url, "refs/heads/main"}).find(head), std::string::npos);
  const std::string whole = scratch_ / "whole";
  git({"clone", "-q", url, whole});
  EXPECT_EQ(ReadFile(whole + "/file"), "content of " + name);
  const std::string blobless = scratch_ / "blobless";
  git({"clone", "-q", "--filter=blob:none", url, blobless});
  EXPECT_EQ(ReadFile(blobless + "/file"), "content of " + name);

  AddCommit(host_->Path(name), "main", "changed");
  for (int owner = 1; owner <= kNodeCount; ++owner) {
    (void)Node(owner).Cli({"refresh", Key(name)});
  }
  git({"-C", whole, "pull", "-q"});
  EXPECT_EQ(ReadFile(whole + "/file"), "changed");
  git({"-C", whole, "fsck"});
}

TEST_F(RingTest, ANewNodeTakesItsShareFromItsPeersAndGivesItBack) {
  MakeRepositories(IsLong() ? 60 : 12);
  StartNodes();
  ExpectAllReadable(1);
  ASSERT_TRUE(WaitUntil([&] { return OwnersHaveAll({1, 2, 3}); }, kSettleTimeout));
  std::map<std::string, std::vector<int>> owners_before;
  for (const std::string& name : names_) owners_before[name] = OwnersOf(name);
  host_->ForgetRequests();

  WriteNodes(kNodeCountMax);
  ASSERT_TRUE(Node(4).Start());
  const auto knows_all = [&](int node, int count) { return MemberCount(node) == count; };
  for (int node = 1; node <= 4; ++node) {
    ASSERT_TRUE(WaitUntil([&] { return knows_all(node, 4); }, kSettleTimeout));
  }
  {
    Readers readers({&Node(1), &Node(2), &Node(3), &Node(4)}, names_, 8);
    EXPECT_TRUE(WaitUntil([&] { return OwnersHaveAll({1, 2, 3, 4}); }, kSettleTimeout));
    readers.Stop();
    EXPECT_EQ(readers.failures(), "");
  }
  std::size_t moved = 0;
  for (const std::string& name : names_) {
    const std::vector<int> owners = OwnersOf(name);
    if (owners != owners_before[name]) ++moved;
    const std::set<int> expected(owners.begin(), owners.end());
    // Who owned it lets go once the new owner has it.
    EXPECT_TRUE(WaitUntil([&] { return WholeOn(name, 4) == expected; }, kSettleTimeout)) << name;
    for (const auto& [ask, count] : AsksOf(name)) {
      EXPECT_FALSE(ask.ends_with(" fetch")) << name << " was fetched from the host by " << ask;
    }
  }
  EXPECT_GT(moved, 0u);
  // A quarter of the copies is the new node's share.
  const auto taken = std::count_if(names_.begin(), names_.end(),
                                   [&](const std::string& name) { return IsOwner(4, name); });
  EXPECT_LE(static_cast<double>(taken), 1.3 / 4 * 2 * static_cast<double>(names_.size()));
  RecordProperty("moved", static_cast<int>(moved));

  WriteNodes(kNodeCount);
  for (int node = 1; node <= kNodeCount; ++node) {
    ASSERT_TRUE(WaitUntil([&] { return knows_all(node, 3); }, kSettleTimeout));
  }
  EXPECT_TRUE(WaitUntil([&] { return OwnersHaveAll({1, 2, 3}); }, kSettleTimeout));
  for (const std::string& name : names_) {
    EXPECT_EQ(OwnersOf(name), owners_before[name]);
    for (const auto& [ask, count] : AsksOf(name)) {
      EXPECT_FALSE(ask.ends_with(" fetch")) << name << " was fetched from the host by " << ask;
    }
  }
}

}  // namespace
}  // namespace reposfs::testing
