// The fixture of the suites on a ring: several daemons, each on a machine of its own with an
// address, a disk and a mount.
#pragma once

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

using SteadyClock = std::chrono::steady_clock;

constexpr auto kSettleTimeout = std::chrono::minutes(2);
constexpr int kNodeCount = 3;
constexpr int kNodeCountMax = 4;
constexpr int kHostMachine = 5;
constexpr milliseconds kSlowestRead = std::chrono::seconds(5);

inline bool IsLong() {
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

  // Three servers on the git host's machine.
  std::unique_ptr<EtcdCluster> StartEtcd() {
    EtcdClusterOptions options;
    options.server_count = 3;
    options.address = Network::Address(kHostMachine);
    options.enter = network_->Enter(kHostMachine);
    return std::make_unique<EtcdCluster>(options);
  }
  // Before the node is started.
  void UseEtcd(int node, const EtcdCluster& etcd) {
    Daemon& daemon = Node(node);
    std::string endpoints;
    for (const std::string& one : etcd.endpoints()) {
      endpoints += (endpoints.empty() ? "\"" : ", \"") + one + "\"";
    }
    daemon.Unset("ring.nodesFile");
    daemon.Set("ring.discovery", "etcd");
    daemon.Set("ring.address", "\"http://" + Network::Address(node) + ":7420\"");
    daemon.Set("ring.etcd", "{ endpoints: [" + endpoints + "], leaseTtl: 3s }");
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

}  // namespace reposfs::testing
