#include "tests/support/etcd_cluster.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "tests/support/tcp_server.h"

namespace reposfs::testing {
namespace {

constexpr milliseconds kReadyTimeout = std::chrono::seconds(30);

std::string UrlAt(const std::string& scheme, const std::string& address) {
  return scheme + "://" + address + ":" + std::to_string(FreePort());
}

}  // namespace

EtcdCluster::EtcdCluster(EtcdClusterOptions options) : options_(std::move(options)) {
  const std::string scheme = options_.ca_file.empty() ? "http" : "https";
  for (int i = 0; i < options_.server_count; ++i) {
    servers_.push_back({"server" + std::to_string(i),
                        UrlAt(scheme, options_.address),
                        UrlAt("http", options_.address),
                        {}});
  }
  StartAll();
  WaitReady();
}

void EtcdCluster::Start(std::size_t index) {
  Server& server = servers_[index];
  if (server.process.running()) return;
  std::string cluster;
  for (const Server& one : servers_) cluster += "," + one.name + "=" + one.peer_url;
  // Elections ten times as fast as by default; so leases may be as short as a second.
  Argv argv = {"etcd",
               "--name=" + server.name,
               "--data-dir=" + (directory_ / server.name).string(),
               "--listen-client-urls=" + server.client_url,
               "--advertise-client-urls=" + server.client_url,
               "--listen-peer-urls=" + server.peer_url,
               "--initial-advertise-peer-urls=" + server.peer_url,
               "--initial-cluster=" + cluster.substr(1),
               "--heartbeat-interval=20",
               "--election-timeout=300",
               "--logger=zap",
               "--log-level=warn"};
  if (!options_.ca_file.empty()) {
    argv.insert(argv.end(), {"--client-cert-auth", "--trusted-ca-file=" + options_.ca_file.string(),
                             "--cert-file=" + options_.certificate_file.string(),
                             "--key-file=" + options_.key_file.string()});
  }
  server.process = ChildProcess::Start(Entered(argv), directory_ / (server.name + ".log"));
}

void EtcdCluster::StartAll() {
  for (std::size_t i = 0; i < servers_.size(); ++i) Start(i);
}

void EtcdCluster::Stop(std::size_t index) {
  servers_[index].process.Signal(SIGTERM);
  if (!servers_[index].process.Wait(kReadyTimeout)) {
    ADD_FAILURE() << "etcd does not stop";
    servers_[index].process.Kill();
  }
}

Argv EtcdCluster::Entered(const Argv& argv) const {
  Argv entered = options_.enter;
  entered.insert(entered.end(), argv.begin(), argv.end());
  return entered;
}

Argv EtcdCluster::CtlCommand(const std::string& endpoints) const {
  Argv argv = Entered(
      {"env", "ETCDCTL_API=3", "etcdctl", "--endpoints=" + endpoints, "--command-timeout=2s"});
  if (!options_.ca_file.empty()) {
    argv.insert(argv.end(), {"--cacert=" + options_.ca_file.string(),
                             "--cert=" + options_.certificate_file.string(),
                             "--key=" + options_.key_file.string()});
  }
  return argv;
}

std::string EtcdCluster::Ctl(const Argv& arguments) const {
  std::string all;
  for (const std::string& one : endpoints()) all += "," + one;
  Argv argv = CtlCommand(all.substr(1));
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return Output(argv);
}

bool EtcdCluster::Ready() const {
  for (const Server& server : servers_) {
    Argv argv = CtlCommand(server.client_url);
    argv.insert(argv.end(), {"endpoint", "health"});
    if (Execute(argv).ok()) return true;
  }
  return false;
}

void EtcdCluster::WaitReady() const {
  EXPECT_TRUE(WaitUntil([this] { return Ready(); }, kReadyTimeout)) << "etcd does not start";
}

std::size_t EtcdCluster::Leader() const {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    Argv argv = CtlCommand(servers_[i].client_url);
    argv.insert(argv.end(), {"endpoint", "status", "--write-out=json"});
    const CommandResult result = Execute(argv);
    const auto answer = nlohmann::json::parse(result.out, nullptr, false);
    if (!result.ok() || !answer.is_array() || answer.empty()) continue;
    const auto& status = answer[0]["Status"];
    if (status["leader"] == status["header"]["member_id"]) return i;
  }
  return servers_.size();
}

std::vector<std::string> EtcdCluster::endpoints() const {
  std::vector<std::string> all;
  for (const Server& server : servers_) all.push_back(server.client_url);
  return all;
}

}  // namespace reposfs::testing
