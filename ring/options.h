// What a user may decide about the ring, as plain values.
//
// The configuration file fills these in (daemon/config.h); tests fill them in by hand.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ring/http_call.h"
#include "ring/member.h"

namespace reposfs {

using std::chrono::milliseconds;

enum class RingDiscovery { kStatic, kDns, kEtcd };

// The records of a name to look up: its addresses, or its services with their ports.
enum class DnsRecordType { kA, kSrv };

struct RingDnsOptions {
  std::string name;  // "reposfs.default.svc.cluster.local", or "_http._tcp.reposfs..." for SRV
  int port = 7420;   // Of every member; SRV records say their own.
  std::string scheme = "http";  // Or "https".
  DnsRecordType type = DnsRecordType::kA;
  std::string nameserver;  // "ip:port"; empty for those of the system.
};

struct RingEtcdOptions {
  std::vector<std::string> endpoints;  // "http://10.0.0.5:2379"
  std::string prefix = "/reposfs";     // Of every key; starts with '/', does not end with it.
  std::string username;                // Empty: no credentials.
  std::filesystem::path password_file;
  HttpTlsOptions tls;
  // A node that has been silent for this long is no longer registered, and its locks are free.
  milliseconds lease_ttl = std::chrono::seconds(15);
};

struct RingOptions {
  bool enabled = false;
  // This node's id among the members.
  std::string node_id;
  int replication_count = 2;  // 1..16
  int virtual_nodes = 100;
  milliseconds health_check_interval = std::chrono::seconds(30);

  RingDiscovery discovery = RingDiscovery::kStatic;
  // With kStatic one of these two: the members, or a YAML file with the same list that is read
  // again when it changes.
  std::vector<Member> nodes;
  std::filesystem::path nodes_file;
  RingDnsOptions dns;
  RingEtcdOptions etcd;

  // What this node announces where nodes announce themselves (etcd).
  std::string address;
  int weight = 1;

  // How long a peer may stay silent before the next source is asked.
  milliseconds timeout = std::chrono::seconds(2);
  // How long a member that discovery no longer names keeps its place.
  milliseconds leave_after = std::chrono::minutes(10);
  // Bytes a second for repositories that move in the background; 0 is no limit.
  std::uint64_t transfer_bandwidth = 0;

  // The secret that the nodes share: one line, sent as `Authorization: Bearer SECRET`.
  std::filesystem::path token_file;
  // How this node shows itself to the others.
  HttpTlsOptions tls;
};

}  // namespace reposfs
