#include "daemon/config_check.h"

#include <gtest/gtest.h>

#include <functional>

namespace reposfs {
namespace {

// A ring of two machines as it should be; each test spoils one thing.
Config GoodRing() {
  Config config;
  config.ring.enabled = true;
  config.ring.node_id = "a";
  config.ring.nodes = {{"a", "http://10.0.0.1:7420"}, {"b", "http://10.0.0.2:7420"}};
  config.ring.token_file = "/etc/reposfs/token";
  config.http.listen = "10.0.0.1:7420";
  return config;
}

std::string RefusalOf(const std::function<void(Config&)>& spoil) {
  Config config = GoodRing();
  spoil(config);
  CompleteConfig(config);
  const auto status = CheckConfig(config);
  return status ? "accepted" : status.error().message;
}

void BeLocal(Config& config) {
  config.ring.nodes = {{"a", "http://127.0.0.1:7420"}, {"b", "http://[::1]:7421"}};
  config.http.listen = "localhost:7420";
  config.ring.token_file.clear();
}

TEST(ConfigCheckTest, ARingThatIsRightIsAcceptedAndServesGitToItsNodes) {
  Config config = GoodRing();
  CompleteConfig(config);
  EXPECT_TRUE(CheckConfig(config));
  EXPECT_EQ(config.http.serve_git, ServeGit::kToken);
}

TEST(ConfigCheckTest, WithoutARingGitIsServedToNobody) {
  Config config;
  CompleteConfig(config);
  EXPECT_TRUE(CheckConfig(config));
  EXPECT_EQ(config.http.serve_git, ServeGit::kOff);
}

TEST(ConfigCheckTest, ANodeMustBeOneOfTheMembers) {
  EXPECT_EQ(RefusalOf([](Config& c) { c.ring.node_id = "c"; }),
            "ring.nodeId: \"c\" is not in ring.nodes; add it there");
  EXPECT_EQ(RefusalOf([](Config& c) { c.ring.node_id = ""; }),
            "ring.nodeId is missing; write this node's id among the members");
}

TEST(ConfigCheckTest, MembersComeFromOnePlace) {
  EXPECT_NE(RefusalOf([](Config& c) { c.ring.nodes.clear(); }), "accepted");
  EXPECT_NE(RefusalOf([](Config& c) { c.ring.nodes_file = "/nodes.yaml"; }), "accepted");
  EXPECT_EQ(RefusalOf([](Config& c) {
              c.ring.nodes.clear();
              c.ring.nodes_file = "/nodes.yaml";
            }),
            "accepted");
}

TEST(ConfigCheckTest, DiscoveryNeedsWhatItAsks) {
  const auto dns = [](Config& c) { c.ring.discovery = RingDiscovery::kDns; };
  EXPECT_EQ(RefusalOf(dns).substr(0, 24), "ring.dns.name is missing");
  EXPECT_EQ(RefusalOf([dns](Config& c) {
              dns(c);
              c.ring.dns.name = "reposfs.default.svc";
            }),
            "accepted");
  const auto etcd = [](Config& c) {
    c.ring.discovery = RingDiscovery::kEtcd;
    c.ring.etcd.endpoints = {"http://10.0.0.5:2379"};
    c.ring.address = "http://10.0.0.1:7420";
  };
  EXPECT_EQ(RefusalOf(etcd), "accepted");
  const auto etcd_without = [etcd](const std::function<void(Config&)>& spoil) {
    return RefusalOf([etcd, spoil](Config& c) {
      etcd(c);
      spoil(c);
    });
  };
  EXPECT_EQ(etcd_without([](Config& c) { c.ring.etcd.endpoints.clear(); }).substr(0, 30),
            "ring.etcd.endpoints is missing");
  EXPECT_EQ(etcd_without([](Config& c) { c.ring.address.clear(); }).substr(0, 23),
            "ring.address is missing");
  EXPECT_NE(etcd_without([](Config& c) { c.ring.etcd.username = "reposfs"; }), "accepted");
}

TEST(ConfigCheckTest, ARingThatOthersReachNeedsASecret) {
  EXPECT_EQ(RefusalOf([](Config& c) { c.ring.token_file.clear(); }).substr(0, 25),
            "ring.tokenFile is missing");
  EXPECT_EQ(RefusalOf(BeLocal), "accepted");
  const auto local_except = [](const std::function<void(Config&)>& spoil) {
    return RefusalOf([spoil](Config& c) {
      BeLocal(c);
      spoil(c);
    });
  };
  EXPECT_NE(local_except([](Config& c) { c.http.listen = "0.0.0.0:7420"; }), "accepted");
  EXPECT_NE(local_except([](Config& c) { c.ring.nodes[1].address = "http://10.0.0.2"; }),
            "accepted");
  EXPECT_NE(local_except([](Config& c) {
              c.ring.nodes.clear();
              c.ring.nodes_file = "/nodes.yaml";
            }),
            "accepted")
      << "nobody knows which addresses the file will have";
}

TEST(ConfigCheckTest, ClientCertificatesReplaceTheSecretIfNodesHaveThem) {
  const auto certificates = [](Config& c) {
    c.ring.token_file.clear();
    c.http.tls = {"/server.pem", "/server.key", "/ca.pem"};
  };
  EXPECT_EQ(RefusalOf(certificates).substr(0, 35), "ring.tls.certificateFile is missing");
  EXPECT_EQ(RefusalOf([certificates](Config& c) {
              certificates(c);
              c.ring.tls.certificate_file = "/client.pem";
              c.ring.tls.key_file = "/client.key";
            }),
            "accepted");
}

TEST(ConfigCheckTest, ARingNeedsAnHttpInterface) {
  EXPECT_EQ(RefusalOf([](Config& c) { c.http.listen = ""; }).substr(0, 20), "http.listen is empty");
}

TEST(ConfigCheckTest, ACertificateAndItsKeyGoTogether) {
  EXPECT_EQ(RefusalOf([](Config& c) { c.http.tls.certificate_file = "/c.pem"; }),
            "http.tls.keyFile is missing: a certificate and its key go together");
  EXPECT_EQ(RefusalOf([](Config& c) { c.ring.tls.key_file = "/c.key"; }),
            "ring.tls.certificateFile is missing: a certificate and its key go together");
  EXPECT_EQ(RefusalOf([](Config& c) { c.ring.etcd.tls.key_file = "/c.key"; }),
            "ring.etcd.certificateFile is missing: a certificate and its key go together");
  EXPECT_EQ(RefusalOf([](Config& c) { c.http.tls.client_ca_file = "/ca.pem"; }).substr(0, 31),
            "http.tls.clientCaFile needs TLS");
}

TEST(ConfigCheckTest, ServingAnyoneOnAnAddressThatOthersReachMustBeMeant) {
  Config config;
  config.http.serve_git = ServeGit::kAnyone;
  EXPECT_TRUE(CheckConfig(config)) << "loopback is everybody's own";
  config.http.listen = "0.0.0.0:7420";
  const auto refused = CheckConfig(config);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("http.openToAll: true"), std::string::npos);
  config.http.open_to_all = true;
  EXPECT_TRUE(CheckConfig(config));
}

TEST(ConfigCheckTest, ServingByTokenNeedsOne) {
  Config config;
  config.http.serve_git = ServeGit::kToken;
  config.http.listen = "0.0.0.0:7420";
  EXPECT_FALSE(CheckConfig(config));
  config.ring.token_file = "/token";
  EXPECT_TRUE(CheckConfig(config));
}

}  // namespace
}  // namespace reposfs
