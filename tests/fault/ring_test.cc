// Several daemons as one ring, each on a machine of its own: an address, a disk, a mount.

#include "tests/fault/ring_test.h"

namespace reposfs::testing {
namespace {

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

// The nodes find each other through etcd, which is not needed to go on.
TEST_F(RingTest, ReadsGoOnWhateverBecomesOfEtcd) {
  const auto etcd = StartEtcd();
  for (int node = 1; node <= kNodeCount; ++node) {
    UseEtcd(node, *etcd);
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
  const std::size_t leader = etcd->Leader();
  ASSERT_LT(leader, etcd->server_count());
  etcd->Signal(leader, SIGSTOP);
  expect_reads("its leader is paused");
  etcd->Signal(leader, SIGCONT);
  for (std::size_t i = 0; i < etcd->server_count(); ++i) etcd->Kill(i);
  expect_reads("it is gone");
  etcd->StartAll();
  etcd->WaitReady();
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

// A worker beside a node goes to the git host in the node's turn.
TEST_F(RingTest, AWorkerFetchesUnderTheLockOfTheRing) {
  MakeRepositories(1);
  const auto etcd = StartEtcd();
  UseEtcd(1, *etcd);
  Node(1).Set("jobs.inline", "[clone, fetch, hydrate]");
  ASSERT_TRUE(Node(1).Start());
  ASSERT_TRUE(WaitUntil([&] { return MemberCount(1) == 1; }, kSettleTimeout));
  AddCommit(host_->Path(names_[0]), "main", "second");
  host_->Hold(names_[0], "deepen 2147483647");
  EXPECT_EQ(ReadOf(Node(1), names_[0]), "second");
  Argv argv = network_->Enter(1);
  argv.insert(argv.end(),
              {Binary(), "worker", "--job=history", "--config", Node(1).config_file().string()});
  ChildProcess worker = ChildProcess::Start(argv, scratch_ / "worker.log");
  const auto is_locked_by_worker = [&] {
    for (const auto& lock : Node(1).CliJson({"locks"})) {
      const std::string owner = lock["owner"];
      const bool is_its = owner.ends_with(":" + std::to_string(worker.pid()));
      if (is_its && lock["name"] == Key(names_[0]) && lock["state"] == "held") return true;
    }
    return false;
  };
  EXPECT_TRUE(WaitUntil(is_locked_by_worker, kSettleTimeout)) << ReadFile(scratch_ / "worker.log");
  host_->Release(names_[0]);
  EXPECT_TRUE(WaitUntil([&] { return OwnersHaveAll({1}); }, kSettleTimeout));
  EXPECT_TRUE(WaitUntil([&] { return !is_locked_by_worker(); }, kSettleTimeout));
  worker.Kill();
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
