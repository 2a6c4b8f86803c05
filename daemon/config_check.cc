#include "daemon/config_check.h"

#include <algorithm>

namespace reposfs {
namespace {

Error Wrong(std::string message) {
  return Error{Errc::kInvalidArgument, std::move(message)};
}

Status CheckCertificate(const std::string& section, const std::filesystem::path& certificate,
                        const std::filesystem::path& key) {
  if (certificate.empty() == key.empty()) return {};
  const std::string missing = certificate.empty() ? ".certificateFile" : ".keyFile";
  return Wrong(section + missing + " is missing: a certificate and its key go together");
}

Status CheckTls(const Config& config) {
  const TlsServerOptions& server = config.http.tls;
  const HttpTlsOptions& etcd = config.ring.etcd.tls;
  if (auto status = CheckCertificate("http.tls", server.certificate_file, server.key_file);
      !status) {
    return status;
  }
  if (!server.client_ca_file.empty() && server.certificate_file.empty()) {
    return Wrong(
        "http.tls.clientCaFile needs TLS: set http.tls.certificateFile and http.tls.keyFile");
  }
  const HttpTlsOptions& client = config.ring.tls;
  if (auto status = CheckCertificate("ring.tls", client.certificate_file, client.key_file);
      !status) {
    return status;
  }
  return CheckCertificate("ring.etcd", etcd.certificate_file, etcd.key_file);
}

bool HasSecret(const Config& config) {
  return !config.ring.token_file.empty() || !config.http.tls.client_ca_file.empty();
}

Status CheckServing(const Config& config) {
  const HttpOptions& http = config.http;
  const bool local = http.listen.empty() || IsLoopback(http.listen);
  if (http.serve_git == ServeGit::kAnyone && !local && !http.open_to_all) {
    return Wrong("http.serveGit: anyone who reaches " + http.listen +
                 " could read every repository this node can fetch; write token, or "
                 "http.openToAll: true if that is meant");
  }
  if (http.serve_git == ServeGit::kToken && !local && !HasSecret(config)) {
    return Wrong(
        "http.serveGit: token needs a secret: set ring.tokenFile or http.tls.clientCaFile");
  }
  return {};
}

Status CheckStaticMembers(const RingOptions& ring) {
  if (ring.nodes.empty() == ring.nodes_file.empty()) {
    return Wrong(ring.nodes.empty()
                     ? "ring.nodes: the ring has no members; list them there, or name a file that "
                       "does with ring.nodesFile"
                     : "ring.nodesFile: ring.nodes lists members too; keep one of them");
  }
  if (!ring.nodes_file.empty()) return {};
  const bool found =
      std::any_of(ring.nodes.begin(), ring.nodes.end(),
                  [&ring](const Member& member) { return member.id == ring.node_id; });
  if (found) return {};
  return Wrong("ring.nodeId: \"" + ring.node_id + "\" is not in ring.nodes; add it there");
}

Status CheckEtcd(const RingOptions& ring) {
  if (ring.etcd.endpoints.empty()) {
    return Wrong("ring.etcd.endpoints is missing; write for example [\"http://10.0.0.5:2379\"]");
  }
  if (ring.address.empty()) {
    return Wrong(
        "ring.address is missing: with etcd each node announces where it is; write for "
        "example http://10.0.0.1:7420");
  }
  if (ring.etcd.username.empty() != ring.etcd.password_file.empty()) {
    return Wrong("ring.etcd.username and ring.etcd.passwordFile go together");
  }
  return {};
}

Status CheckMembership(const RingOptions& ring) {
  if (ring.node_id.empty()) {
    return Wrong("ring.nodeId is missing; write this node's id among the members");
  }
  switch (ring.discovery) {
    case RingDiscovery::kStatic:
      return CheckStaticMembers(ring);
    case RingDiscovery::kEtcd:
      return CheckEtcd(ring);
    case RingDiscovery::kDns:
      break;
  }
  if (!ring.dns.name.empty()) return {};
  return Wrong("ring.dns.name is missing; write for example reposfs.default.svc.cluster.local");
}

// Whether every address that the configuration knows of leads to this machine, and no others come.
bool IsLocalRing(const Config& config) {
  const RingOptions& ring = config.ring;
  const bool known = ring.discovery == RingDiscovery::kStatic && ring.nodes_file.empty();
  return known && IsLoopback(config.http.listen) &&
         std::all_of(ring.nodes.begin(), ring.nodes.end(),
                     [](const Member& member) { return IsLoopback(member.address); });
}

Status CheckRing(const Config& config) {
  if (auto status = CheckMembership(config.ring); !status) return status;
  if (config.http.listen.empty()) {
    return Wrong(
        "http.listen is empty, so other nodes of the ring can't reach this one; write "
        "for example 10.0.0.1:7420");
  }
  if (!HasSecret(config) && !IsLocalRing(config)) {
    return Wrong(
        "ring.tokenFile is missing: without it, or http.tls.clientCaFile, nodes can't "
        "tell each other from strangers; `openssl rand -hex 32` makes a secret");
  }
  if (!config.http.tls.client_ca_file.empty() && config.ring.tls.certificate_file.empty()) {
    return Wrong(
        "ring.tls.certificateFile is missing: nodes ask each other for a certificate "
        "(http.tls.clientCaFile)");
  }
  return {};
}

}  // namespace

void CompleteConfig(Config& config) {
  if (config.ring.enabled && config.http.serve_git == ServeGit::kOff) {
    config.http.serve_git = ServeGit::kToken;
  }
}

Status CheckConfig(const Config& config) {
  if (auto status = CheckTls(config); !status) return status;
  if (config.ring.enabled) {
    if (auto status = CheckRing(config); !status) return status;
  }
  return CheckServing(config);
}

}  // namespace reposfs
