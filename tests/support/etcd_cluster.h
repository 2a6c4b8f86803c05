// A real etcd of a test's own: one server or several, in a temporary directory, on loopback unless
// a test says otherwise.
//
// Thread-safety: none.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/temp_dir.h"

namespace reposfs::testing {

struct EtcdClusterOptions {
  int server_count = 1;
  // Clients must show a certificate that is signed by this CA; all three are files in PEM.
  std::filesystem::path ca_file{};
  std::filesystem::path certificate_file{};
  std::filesystem::path key_file{};
  // Of the machine it runs on (tests/support/network.h).
  std::string address = "127.0.0.1";
  Argv enter{};
};

class EtcdCluster {
 public:
  explicit EtcdCluster(EtcdClusterOptions options = {});

  // Starts what does not run.
  void Start(std::size_t index);
  void StartAll();
  void Signal(std::size_t index, int signal) { servers_[index].process.Signal(signal); }
  // SIGTERM, and waits for its end.
  void Stop(std::size_t index);
  void Kill(std::size_t index) { servers_[index].process.Kill(); }

  // Whether the cluster has a leader and takes writes.
  bool Ready() const;
  // Waits for that; a failure of the test if it takes too long.
  void WaitReady() const;
  // The index of the server that leads; server_count if none does.
  std::size_t Leader() const;

  std::size_t server_count() const { return servers_.size(); }
  const std::string& endpoint(std::size_t index) const { return servers_[index].client_url; }
  std::vector<std::string> endpoints() const;

  // Runs etcdctl on all of it, and returns what it wrote.
  std::string Ctl(const Argv& arguments) const;

 private:
  struct Server {
    std::string name;
    std::string client_url;
    std::string peer_url;
    ChildProcess process;
  };

  // `argv` as it is run on the servers' machine.
  Argv Entered(const Argv& argv) const;
  Argv CtlCommand(const std::string& endpoints) const;

  const EtcdClusterOptions options_;
  TempDir directory_{"etcd"};
  std::vector<Server> servers_;
};

}  // namespace reposfs::testing
