#include "ring/etcd_member_source.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/ring/listened_source.h"
#include "tests/support/etcd_cluster.h"

namespace reposfs {
namespace {

using std::chrono::seconds;
using testing::EtcdCluster;
using testing::ListenedSource;

class EtcdMemberSourceTest : public ::testing::Test {
 protected:
  // One server serves these tests: each has a prefix of its own.
  static void SetUpTestSuite() { shared_ = std::make_unique<EtcdCluster>(); }
  static void TearDownTestSuite() { shared_.reset(); }

  EtcdMemberSourceTest() : prefix_("/" + std::string(TestName())) {}
  static const char* TestName() {
    return ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  std::unique_ptr<MemberSource> Node(const std::string& id, int port, int weight = 1) {
    EtcdMemberSourceOptions options;
    options.etcd.endpoints = cluster_->endpoints();
    options.prefix = prefix_;
    options.self = Member{id, "http://10.0.0.1:" + std::to_string(port), weight};
    options.lease_ttl = seconds(2);
    return std::make_unique<EtcdMemberSource>(std::move(options));
  }
  std::unique_ptr<MemberSource> Watcher() {
    EtcdMemberSourceOptions options;
    options.etcd.endpoints = cluster_->endpoints();
    options.prefix = prefix_;
    return std::make_unique<EtcdMemberSource>(std::move(options));
  }
  std::string Key(const std::string& id) const { return prefix_ + "/members/" + id; }

  static std::unique_ptr<EtcdCluster> shared_;
  EtcdCluster* cluster_ = shared_.get();
  const std::string prefix_;
};

std::unique_ptr<EtcdCluster> EtcdMemberSourceTest::shared_;

TEST_F(EtcdMemberSourceTest, NodesFindEachOther) {
  ListenedSource a(Node("a", 1));
  EXPECT_TRUE(a.Tells("a=http://10.0.0.1:1")) << a.last();
  ListenedSource b(Node("b", 2, 5));
  EXPECT_TRUE(a.Tells("a=http://10.0.0.1:1 b=http://10.0.0.1:2*5")) << a.last();
  EXPECT_TRUE(b.Tells("a=http://10.0.0.1:1 b=http://10.0.0.1:2*5")) << b.last();
  EXPECT_EQ(cluster_->Ctl({"get", "--print-value-only", Key("b")}),
            R"({"address":"http://10.0.0.1:2","weight":5})");
}

TEST_F(EtcdMemberSourceTest, WhoOnlyWatchesAnnouncesNothing) {
  ListenedSource watcher(Watcher());
  EXPECT_TRUE(watcher.Tells("")) << watcher.last();
  ListenedSource a(Node("a", 1));
  EXPECT_TRUE(watcher.Tells("a=http://10.0.0.1:1")) << watcher.last();
  EXPECT_EQ(cluster_->Ctl({"get", "--prefix", "--keys-only", prefix_ + "/"}), Key("a"));
}

TEST_F(EtcdMemberSourceTest, WhoFallsSilentIsGoneWhenItsLeaseLapses) {
  ListenedSource a(Node("a", 1));
  ListenedSource b(Node("b", 2));
  ASSERT_TRUE(a.Tells("a=http://10.0.0.1:1 b=http://10.0.0.1:2")) << a.last();
  b.Stop();
  EXPECT_EQ(a.last(), "a=http://10.0.0.1:1 b=http://10.0.0.1:2") << "not before";
  EXPECT_TRUE(a.Tells("a=http://10.0.0.1:1")) << a.last();
}

TEST_F(EtcdMemberSourceTest, WhoStaysIsThereLongerThanItsLease) {
  ListenedSource a(Node("a", 1));
  ASSERT_TRUE(a.Tells("a=http://10.0.0.1:1")) << a.last();
  testing::SleepFor(seconds(3));  // Nothing happens, which is the point.
  EXPECT_EQ(a.told().size(), 1u) << a.last();
  EXPECT_EQ(cluster_->Ctl({"get", "--print-value-only", Key("a")}),
            R"({"address":"http://10.0.0.1:1","weight":1})");
}

TEST_F(EtcdMemberSourceTest, AKeyThatSomebodyRemovesIsWrittenAgain) {
  ListenedSource a(Node("a", 1));
  ListenedSource b(Node("b", 2));
  ASSERT_TRUE(a.Tells("a=http://10.0.0.1:1 b=http://10.0.0.1:2")) << a.last();
  cluster_->Ctl({"del", Key("b")});
  EXPECT_TRUE(testing::WaitUntil([&] { return a.told().size() >= 3; }, seconds(10)));
  EXPECT_TRUE(a.Tells("a=http://10.0.0.1:1 b=http://10.0.0.1:2")) << a.last();
}

TEST_F(EtcdMemberSourceTest, TwoNodesOfOneIdAreToldSoAndDoNotFight) {
  ListenedSource first(Node("a", 1));
  ASSERT_TRUE(first.Tells("a=http://10.0.0.1:1")) << first.last();
  ListenedSource second(Node("a", 2));
  EXPECT_TRUE(
      first.Tells("error: another node, http://10.0.0.1:2, announces itself as a; give "
                  "each its own ring.nodeId"))
      << first.last();
  EXPECT_TRUE(second.Tells("a=http://10.0.0.1:2")) << second.last();
  EXPECT_EQ(first.told().size(), 3u) << "its own key, the other's, and the error";
  second.Stop();
  EXPECT_TRUE(first.Tells("a=http://10.0.0.1:1")) << "it has the id again: " << first.last();
}

TEST_F(EtcdMemberSourceTest, EntriesThatMakeNoSenseAreLeftOutAndNamed) {
  ListenedSource a(Node("a", 1));
  ASSERT_TRUE(a.Tells("a=http://10.0.0.1:1")) << a.last();
  const std::vector<std::string> wrong = {"no json",
                                          "[]",
                                          "{}",
                                          R"({"address":7})",
                                          R"({"address":"ftp://x"})",
                                          R"({"address":"http://x","weight":0})",
                                          R"({"address":"http://x","weight":"2"})"};
  for (const std::string& value : wrong) {
    cluster_->Ctl({"put", Key("b"), value});
    ASSERT_TRUE(testing::WaitUntil(
        [&] { return a.last().starts_with("error: etcd: " + Key("b") + ": "); }, seconds(10)))
        << a.last();
    cluster_->Ctl({"put", Key("b"), R"({"address":"http://x"})"});
    ASSERT_TRUE(a.Tells("a=http://10.0.0.1:1 b=http://x")) << a.last();
  }
  cluster_->Ctl({"put", Key("x/y"), R"({"address":"http://x"})"});
  EXPECT_TRUE(a.TellsError()) << a.last();
}

TEST_F(EtcdMemberSourceTest, TheLastListOutlivesEtcdAndNodesAnnounceThemselvesAgain) {
  EtcdCluster own;
  cluster_ = &own;
  ListenedSource a(Node("a", 1));
  ListenedSource b(Node("b", 2));
  ASSERT_TRUE(a.Tells("a=http://10.0.0.1:1 b=http://10.0.0.1:2")) << a.last();
  own.Kill(0);
  EXPECT_TRUE(a.TellsError()) << a.last();
  own.Start(0);
  EXPECT_TRUE(a.Tells("a=http://10.0.0.1:1 b=http://10.0.0.1:2")) << a.last();
}

TEST_F(EtcdMemberSourceTest, StoppingDoesNotWaitForEtcd) {
  EtcdCluster own;
  cluster_ = &own;
  auto node = Node("a", 1);
  node->Start([](Result<std::vector<Member>>) {});
  own.Signal(0, SIGSTOP);
  const auto begin = std::chrono::steady_clock::now();
  node->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(3));
  own.Signal(0, SIGCONT);
}

}  // namespace
}  // namespace reposfs
