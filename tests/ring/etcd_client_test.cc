// The client against real servers: what it asks, how it moves on when one fails, who may.
#include "ring/etcd_client.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "tests/support/etcd_cluster.h"
#include "tests/support/tcp_server.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EtcdCluster;

Deadline In(milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

Deadline Soon() {
  return In(seconds(10));
}

EtcdOptions OptionsFor(std::vector<std::string> endpoints) {
  EtcdOptions options;
  options.endpoints = std::move(endpoints);
  return options;
}

class EtcdClientTest : public ::testing::Test {
 protected:
  // One server serves all of these tests: each uses keys of its own.
  static void SetUpTestSuite() { cluster_ = std::make_unique<EtcdCluster>(); }
  static void TearDownTestSuite() { cluster_.reset(); }

  static std::unique_ptr<EtcdCluster> cluster_;
  EtcdClient client_{OptionsFor(cluster_->endpoints())};
};

std::unique_ptr<EtcdCluster> EtcdClientTest::cluster_;

TEST_F(EtcdClientTest, WhatIsPutIsThere) {
  const std::string bytes("\0\xff/\n", 4);
  const auto revision = client_.Put({"put/a", bytes}, Soon());
  ASSERT_TRUE(revision) << revision.error().message;
  const auto found = client_.Get("put/a", Soon());
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->value, bytes);
  EXPECT_EQ((*found)->mod_revision, *revision);
  EXPECT_EQ(*client_.Delete("put/a", Soon()), 1);
  EXPECT_EQ(*client_.Delete("put/a", Soon()), 0);
  EXPECT_FALSE(*client_.Get("put/a", Soon()));
}

TEST_F(EtcdClientTest, AListIsInTheOrderOfCreation) {
  for (const char* key : {"list/c", "list/a", "list/b", "lisu"}) {
    ASSERT_TRUE(client_.Put({key, key}, Soon()));
  }
  ASSERT_TRUE(client_.Put({"list/c", "again"}, Soon()));
  const auto all = client_.List("list/", 10, Soon());
  ASSERT_TRUE(all);
  ASSERT_EQ(all->items.size(), 3u);
  EXPECT_EQ(all->items[0].value, "again");
  EXPECT_EQ(all->items[1].key, "list/a");
  EXPECT_EQ(all->items[2].key, "list/b");
  EXPECT_FALSE(all->more);
  EXPECT_GE(all->revision, all->items[0].mod_revision);
  EXPECT_TRUE(client_.List("list/", 2, Soon())->more);
}

TEST_F(EtcdClientTest, ATransactionIsDoneWholeOrNotAtAll) {
  const EtcdTransaction make{{{"txn/a", 0}}, {{"txn/a", "1"}, {"txn/b", "2"}}, {}};
  const auto made = client_.Transact(make, Soon());
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->succeeded);
  const auto again = client_.Transact(make, Soon());
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->succeeded);
  ASSERT_TRUE(again->found);
  EXPECT_EQ(again->found->create_revision, made->revision);
  const auto moved = client_.Transact({{{"txn/a", made->revision}}, {}, {"txn/a"}}, Soon());
  ASSERT_TRUE(moved);
  EXPECT_TRUE(moved->succeeded);
  EXPECT_FALSE(*client_.Get("txn/a", Soon()));
}

TEST_F(EtcdClientTest, KeysGoWithTheirLease) {
  const auto lease = client_.GrantLease(seconds(60), Soon());
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(lease->ttl, seconds(60));
  ASSERT_TRUE(client_.Put({"lease/a", "", lease->id}, Soon()));
  EXPECT_EQ((*client_.Get("lease/a", Soon()))->lease, lease->id);
  EXPECT_EQ(*client_.KeepAlive(lease->id, Soon()), seconds(60));
  EXPECT_GT(*client_.TimeToLive(lease->id, Soon()), seconds(50));
  ASSERT_TRUE(client_.RevokeLease(lease->id, Soon()));
  EXPECT_FALSE(*client_.Get("lease/a", Soon()));
  EXPECT_EQ(client_.KeepAlive(lease->id, Soon()).error().code, Errc::kNotFound);
  EXPECT_EQ(client_.TimeToLive(lease->id, Soon()).error().code, Errc::kNotFound);
  EXPECT_TRUE(client_.RevokeLease(lease->id, Soon())) << "it is over, as was wanted";
  EXPECT_FALSE(client_.Put({"lease/a", "", lease->id}, Soon()));
}

TEST_F(EtcdClientTest, AWatchTellsWhatHappenedSinceARevision) {
  const auto first = client_.Put({"watch/a", "1"}, Soon());
  ASSERT_TRUE(first);
  std::vector<std::string> seen;
  std::thread later;
  const auto watched = client_.Watch(
      "watch/", *first,
      [&](const EtcdEvent& event) {
        const bool put = event.kind == EtcdEvent::Kind::kPut;
        seen.push_back(event.item.key + (put ? "=" + event.item.value : " deleted"));
        if (seen.size() == 1) {
          later = std::thread([this] {
            ASSERT_TRUE(client_.Put({"watch/b", "2"}, Soon()));
            ASSERT_TRUE(client_.Put({"elsewhere", "2"}, Soon()));
            ASSERT_TRUE(client_.Delete("watch/a", Soon()));
          });
        }
        return seen.size() < 3;
      },
      Soon());
  later.join();
  ASSERT_TRUE(watched) << watched.error().message;
  EXPECT_EQ(seen, (std::vector<std::string>{"watch/a=1", "watch/b=2", "watch/a deleted"}));
}

TEST_F(EtcdClientTest, AWatchEndsAtItsDeadlineOrWhenStopped) {
  const auto ignore = [](const EtcdEvent&) { return true; };
  EXPECT_TRUE(client_.Watch("quiet/", 0, ignore, In(milliseconds(50))));
  std::thread stopper([this] { client_.Stop(); });
  const auto watched = client_.Watch("quiet/", 0, ignore, In(std::chrono::hours(1)));
  stopper.join();
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().code, Errc::kInterrupted);
  EXPECT_EQ(client_.Get("a", Soon()).error().code, Errc::kInterrupted);
}

TEST_F(EtcdClientTest, ACompactedRevisionCanNotBeWatched) {
  const auto old = client_.Put({"compact", "1"}, Soon());
  const auto last = client_.Put({"compact", "2"}, Soon());
  ASSERT_TRUE(old && last);
  cluster_->Ctl({"compact", std::to_string(*last)});
  const auto watched = client_.Watch(
      "compact", *old, [](const EtcdEvent&) { return true; }, Soon());
  ASSERT_FALSE(watched);
  EXPECT_EQ(watched.error().code, Errc::kNotFound);
}

TEST_F(EtcdClientTest, ADeadEndpointIsPassedBy) {
  const std::string dead = "http://127.0.0.1:" + std::to_string(testing::FreePort());
  EtcdClient client(OptionsFor({dead, cluster_->endpoint(0)}));
  const auto revision = client.Put({"failover", "1"}, Soon());
  ASSERT_TRUE(revision) << revision.error().message;
  EtcdClient watcher(OptionsFor({dead, cluster_->endpoint(0)}));
  EXPECT_TRUE(watcher.Watch(
      "failover", *revision, [](const EtcdEvent&) { return false; }, Soon()));
}

TEST_F(EtcdClientTest, ASilentEndpointIsPassedByAndNotAskedAgain) {
  testing::TcpServer silent(testing::Stall());
  EtcdOptions options =
      OptionsFor({"http://127.0.0.1:" + std::to_string(silent.port()), cluster_->endpoint(0)});
  options.attempt_timeout = milliseconds(500);
  EtcdClient client(options);
  ASSERT_TRUE(client.Put({"failover", "1"}, Soon()));
  ASSERT_TRUE(client.Put({"failover", "2"}, Soon()));
  EXPECT_EQ(silent.connections(), 1);
}

TEST_F(EtcdClientTest, NoEndpointIsAnErrorThatNamesOne) {
  const std::string dead = "http://127.0.0.1:" + std::to_string(testing::FreePort());
  EtcdClient client(OptionsFor({dead}));
  const auto before = std::chrono::steady_clock::now();
  const auto put = client.Put({"a", "1"}, In(milliseconds(200)));
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(2));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Errc::kUnreachable);
  EXPECT_NE(put.error().message.find(dead), std::string::npos);
  EXPECT_NE(put.error().message.find("ring.etcd.endpoints"), std::string::npos);
}

TEST_F(EtcdClientTest, WhatIsNoEtcdIsSaidSo) {
  testing::TcpServer other(testing::Respond(
      "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nno\r\n"));
  EtcdClient client(OptionsFor({"http://127.0.0.1:" + std::to_string(other.port())}));
  const auto put = client.Put({"a", "1"}, In(milliseconds(100)));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Errc::kUnreachable);
  EXPECT_NE(put.error().message.find("status 404"), std::string::npos) << put.error().message;
}

TEST_F(EtcdClientTest, AnEndlessAnswerIsCutOff) {
  std::string endless = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"kvs\": \"";
  endless.resize(20u << 20, 'x');
  testing::TcpServer server(testing::Respond(endless));
  EtcdClient client(OptionsFor({"http://127.0.0.1:" + std::to_string(server.port())}));
  const auto found = client.Get("a", In(seconds(2)));
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("larger than"), std::string::npos) << found.error().message;
}

TEST(EtcdClusterTest, AWatchAndWritesGoOnWhenTheLeaderHangs) {
  EtcdCluster cluster({.server_count = 3});
  EtcdClient client(OptionsFor(cluster.endpoints()));
  const auto first = client.Put({"k", "0"}, Soon());
  ASSERT_TRUE(first) << first.error().message;
  std::atomic<int> seen{0};
  std::thread watcher([&] {
    EXPECT_TRUE(client.Watch(
        "k", *first, [&](const EtcdEvent&) { return ++seen < 3; }, In(seconds(30))));
  });
  EXPECT_TRUE(testing::WaitUntil([&] { return seen == 1; }, seconds(10)));
  const std::size_t leader = cluster.Leader();
  ASSERT_LT(leader, cluster.server_count());
  cluster.Signal(leader, SIGSTOP);
  EXPECT_TRUE(client.Put({"k", "1"}, Soon()));
  EXPECT_TRUE(client.Put({"k", "2"}, Soon()));
  cluster.Signal(leader, SIGCONT);
  watcher.join();
  EXPECT_EQ(seen, 3);
}

TEST(EtcdAuthenticationTest, OnlyWhoHasThePasswordMay) {
  EtcdCluster cluster;
  cluster.Ctl({"user", "add", "root:secret"});
  cluster.Ctl({"user", "add", "ring:word"});
  cluster.Ctl({"role", "add", "ring"});
  cluster.Ctl({"role", "grant-permission", "ring", "readwrite", "ring/", "--prefix"});
  cluster.Ctl({"user", "grant-role", "ring", "ring"});
  cluster.Ctl({"user", "grant-role", "root", "root"});
  cluster.Ctl({"auth", "enable"});
  EtcdOptions options = OptionsFor(cluster.endpoints());
  EXPECT_EQ(EtcdClient(options).Get("ring/a", Soon()).error().code, Errc::kAccessDenied);
  options.username = "ring";
  options.password = "wrong";
  EXPECT_EQ(EtcdClient(options).Get("ring/a", Soon()).error().code, Errc::kAccessDenied);
  options.password = "word";
  EtcdClient client(options);
  EXPECT_TRUE(client.Put({"ring/a", "1"}, Soon()));
  EXPECT_EQ(client.Put({"other", "1"}, Soon()).error().code, Errc::kAccessDenied);
  // The server has forgotten the token: the client logs in again.
  cluster.Stop(0);
  cluster.Start(0);
  cluster.Ready();
  const auto put = client.Put({"ring/a", "2"}, Soon());
  EXPECT_TRUE(put) << put.error().message;
}

class EtcdTlsTest : public ::testing::Test {
 protected:
  EtcdTlsTest() {
    const auto made = testing::Sh(
        "set -e; cd " + directory_.path().string() +
        "; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
        "/CN=ca -keyout ca.key -out "
        "ca.pem"
        "; openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=node "
        "-keyout node.key -out node.csr"
        "; echo subjectAltName=IP:127.0.0.1 > san"
        "; openssl x509 -req -in node.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
        " -extfile san -out node.pem");
    EXPECT_TRUE(made.ok()) << made;
  }

  std::string File(const char* name) const { return directory_ / name; }

  testing::TempDir directory_;
};

TEST_F(EtcdTlsTest, ServerAndClientShowCertificates) {
  EtcdCluster cluster({.server_count = 1,
                       .ca_file = File("ca.pem"),
                       .certificate_file = File("node.pem"),
                       .key_file = File("node.key")});
  EtcdOptions options = OptionsFor(cluster.endpoints());
  const auto ask = [&] { return EtcdClient(options).Put({"a", "1"}, In(milliseconds(500))); };
  EXPECT_EQ(ask().error().code, Errc::kUnreachable) << "its CA is not known";
  options.tls.ca_file = File("ca.pem");
  EXPECT_EQ(ask().error().code, Errc::kUnreachable) << "it wants a certificate";
  options.tls.certificate_file = File("node.pem");
  options.tls.key_file = File("node.key");
  const auto put = ask();
  EXPECT_TRUE(put) << put.error().message;
}

}  // namespace
}  // namespace reposfs
