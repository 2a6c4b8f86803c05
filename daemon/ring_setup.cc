#include "daemon/ring_setup.h"

#include <spdlog/spdlog.h>

#include "base/text.h"
#include "daemon/config_yaml.h"
#include "daemon/etcd_setup.h"
#include "daemon/secret_file.h"
#include "ring/dns_member_source.h"
#include "ring/etcd_member_source.h"
#include "ring/file_member_source.h"
#include "ring/static_member_source.h"

namespace reposfs {
namespace {

Result<std::unique_ptr<MemberSource>> MakeEtcdSource(const RingOptions& ring, RingRole role) {
  auto etcd = MakeEtcdOptions(ring.etcd);
  if (!etcd) return std::move(etcd).error();
  EtcdMemberSourceOptions options;
  options.etcd = std::move(*etcd);
  options.prefix = ring.etcd.prefix;
  if (role == RingRole::kNode) options.self = Member{ring.node_id, ring.address, ring.weight};
  options.lease_ttl = std::chrono::duration_cast<std::chrono::seconds>(ring.etcd.lease_ttl);
  return std::unique_ptr<MemberSource>(std::make_unique<EtcdMemberSource>(std::move(options)));
}

Result<std::unique_ptr<MemberSource>> MakeSource(const RingOptions& ring, RingRole role) {
  switch (ring.discovery) {
    case RingDiscovery::kEtcd:
      return MakeEtcdSource(ring, role);
    case RingDiscovery::kDns:
      return MakeDnsMemberSource(ring.dns);
    case RingDiscovery::kStatic:
      break;
  }
  if (!ring.nodes_file.empty()) return MakeFileMemberSource(ring.nodes_file, ParseMembersYaml);
  return std::unique_ptr<MemberSource>(std::make_unique<StaticMemberSource>(ring.nodes));
}

void LogNode(const RingNode* before, const RingNode& after) {
  const std::string& id = after.member.id;
  if (before == nullptr) {
    spdlog::info("ring: joined node={} address={}", id, after.member.address);
    return;
  }
  if (before->state != after.state && after.state == MemberState::kDown) {
    spdlog::warn(
        "ring: does not answer node={} cause=\"{}\" advice=\"its repositories come from "
        "other nodes, or from their hosts; see: reposfs ring\"",
        id, Printable(after.last_error));
  } else if (before->state == MemberState::kDown && after.state == MemberState::kUp) {
    spdlog::info("ring: answers again node={}", id);
  }
  if (before->vanished == WallTime() && after.vanished != WallTime()) {
    spdlog::info("ring: no longer named node={}", id);
  }
}

// A handful of lines an hour, if members come and go.
void LogChange(const RingView& before, const RingView& after) {
  for (const RingNode& node : after.nodes()) {
    const auto index = before.IndexOf(node.member.id);
    LogNode(index ? &before.nodes()[*index] : nullptr, node);
  }
  for (const RingNode& node : before.nodes()) {
    if (!after.IndexOf(node.member.id)) spdlog::info("ring: left node={}", node.member.id);
  }
  if (after.discovery_error() != before.discovery_error() && !after.discovery_error().empty()) {
    spdlog::warn("ring: members may be out of date cause=\"{}\"",
                 Printable(after.discovery_error()));
  }
}

}  // namespace

Result<std::unique_ptr<Membership>> MakeMembership(const Config& config, RingRole role,
                                                   const Clock& clock) {
  const RingOptions& ring = config.ring;
  auto source = MakeSource(ring, role);
  if (!source) return std::move(source).error();
  MembershipOptions options;
  options.node_id = ring.node_id;
  options.ring = {ring.virtual_nodes, ring.replication_count};
  options.health_check_interval = ring.health_check_interval;
  options.timeout = ring.timeout;
  options.leave_after = ring.leave_after;
  options.tls = ring.tls;
  if (!ring.token_file.empty()) {
    auto token = ReadSecret(ring.token_file);
    if (!token) return std::move(token).error().Within("ring.tokenFile");
    options.token = std::move(*token);
  }
  auto membership = std::make_unique<Membership>(std::move(options), std::move(*source), clock);
  membership->AddListener(LogChange);
  return membership;
}

}  // namespace reposfs
