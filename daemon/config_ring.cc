#include "daemon/config_ring.h"

#include <arpa/inet.h>

#include <algorithm>

#include "daemon/setting_kinds.h"
#include "daemon/value_parsing.h"

namespace reposfs {
namespace {

const Words<RingDiscovery> kDiscoveryWords = {{"static", RingDiscovery::kStatic},
                                              {"dns", RingDiscovery::kDns},
                                              {"etcd", RingDiscovery::kEtcd}};
const Words<DnsRecordType> kRecordWords = {{"A", DnsRecordType::kA}, {"SRV", DnsRecordType::kSrv}};
const Words<std::string> kSchemeWords = {{"http", "http"}, {"https", "https"}};
const Words<ServeGit> kServeWords = {
    {"off", ServeGit::kOff}, {"token", ServeGit::kToken}, {"anyone", ServeGit::kAnyone}};

Status CheckListen(std::string_view text) {
  if (text.empty()) return {};
  const auto colon = text.rfind(':');
  const bool has_host = colon != std::string_view::npos && colon > 0;
  const bool bare_ipv6 = has_host && text.front() != '[' && text.find(':') != colon;
  const bool has_port = has_host && ParseInteger(text.substr(colon + 1), {0, 65'535}).has_value();
  if (has_port && !bare_ipv6) return {};
  return Refuse(text,
                "is no address to listen on; write for example 127.0.0.1:7420, [::1]:7420, or an "
                "empty text for none");
}

Status CheckNameserver(std::string_view text) {
  in_addr parsed{};
  const bool right = CheckListen(text).has_value() && !text.ends_with(":0") &&
                     ::inet_pton(AF_INET, std::string(HostOfAddress(text)).c_str(), &parsed) == 1;
  if (text.empty() || right) return {};
  return Refuse(text,
                "is no nameserver; write its IPv4 address and port, for example 10.0.0.10:53");
}

Status CheckDnsName(std::string_view text) {
  constexpr std::size_t kLengthMax = 253;
  const bool right_letters = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
  if (right_letters && text.size() <= kLengthMax && text.find("..") == std::string_view::npos) {
    return {};
  }
  return Refuse(text, "is no name in DNS; write for example reposfs.default.svc.cluster.local");
}

Status CheckEtcdPrefix(std::string_view text) {
  const bool visible =
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (visible && text.size() > 1 && text.starts_with('/') && !text.ends_with('/')) return {};
  return Refuse(text, "is no prefix of keys; write for example /reposfs");
}

// For a text that need not be set.
template <typename Check>
auto OrEmpty(Check check) {
  return [check](std::string_view text) -> Status {
    if (text.empty()) return {};
    return check(text);
  };
}

// etcd grants leases in whole seconds, and none shorter than its elections take.
Result<milliseconds> ParseLease(std::string_view text) {
  auto value = ParseDuration(text);
  if (!value) return value;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*value);
  if (seconds == *value && seconds >= std::chrono::seconds(2) && seconds <= std::chrono::hours(1)) {
    return value;
  }
  return Refuse(text, "is no lease; write whole seconds from 2s to 1h, for example 15s");
}

Setting<Config> Endpoints(std::string name) {
  Setting<Config> setting = List(std::move(name), REPOSFS_PLACE(ring.etcd.endpoints));
  setting.assign = [assign = setting.assign](Config& config, const SettingText& text) -> Status {
    for (const std::string& item : text) {
      if (!CheckMemberAddress(item)) {
        return Refuse(item, "is no address of etcd; write for example http://10.0.0.5:2379");
      }
    }
    return assign(config, text);
  };
  return setting;
}

std::vector<Setting<Config>> MakeRingSettings() {
  return {
      Flag<Config>("ring.enabled", REPOSFS_PLACE(ring.enabled)),
      Text<Config>("ring.nodeId", REPOSFS_PLACE(ring.node_id), OrEmpty(CheckMemberId)),
      Integer<Config>("ring.replicationCount", REPOSFS_PLACE(ring.replication_count), {1, 16}),
      Integer<Config>("ring.virtualNodes", REPOSFS_PLACE(ring.virtual_nodes), {1, 10'000}),
      PositiveDuration<Config>("ring.healthCheckInterval",
                               REPOSFS_PLACE(ring.health_check_interval)),
      Word("ring.discovery", REPOSFS_PLACE(ring.discovery), kDiscoveryWords),
      Path<Config>("ring.nodesFile", REPOSFS_PLACE(ring.nodes_file)),
      Text<Config>("ring.address", REPOSFS_PLACE(ring.address), OrEmpty(CheckMemberAddress)),
      Integer<Config>("ring.weight", REPOSFS_PLACE(ring.weight), {1, kMemberWeightMax}),
      PositiveDuration<Config>("ring.timeout", REPOSFS_PLACE(ring.timeout)),
      Duration<Config>("ring.leaveAfter", REPOSFS_PLACE(ring.leave_after)),
      Scalar<Config>("ring.transferBandwidth", REPOSFS_PLACE(ring.transfer_bandwidth), ParseSize,
                     FormatSize),
      Path<Config>("ring.tokenFile", REPOSFS_PLACE(ring.token_file)),
      Path<Config>("ring.tls.caFile", REPOSFS_PLACE(ring.tls.ca_file)),
      Path<Config>("ring.tls.certificateFile", REPOSFS_PLACE(ring.tls.certificate_file)),
      Path<Config>("ring.tls.keyFile", REPOSFS_PLACE(ring.tls.key_file)),
  };
}

std::vector<Setting<Config>> DiscoverySettings() {
  return {
      Text<Config>("ring.dns.name", REPOSFS_PLACE(ring.dns.name), CheckDnsName),
      Integer<Config>("ring.dns.port", REPOSFS_PLACE(ring.dns.port), {1, 65'535}),
      Word("ring.dns.scheme", REPOSFS_PLACE(ring.dns.scheme), kSchemeWords),
      Word("ring.dns.type", REPOSFS_PLACE(ring.dns.type), kRecordWords),
      Text<Config>("ring.dns.nameserver", REPOSFS_PLACE(ring.dns.nameserver), CheckNameserver),
      Endpoints("ring.etcd.endpoints"),
      Text<Config>("ring.etcd.prefix", REPOSFS_PLACE(ring.etcd.prefix), CheckEtcdPrefix),
      Text<Config>("ring.etcd.username", REPOSFS_PLACE(ring.etcd.username),
                   [](std::string_view) { return Status(); }),
      Path<Config>("ring.etcd.passwordFile", REPOSFS_PLACE(ring.etcd.password_file)),
      Path<Config>("ring.etcd.caFile", REPOSFS_PLACE(ring.etcd.tls.ca_file)),
      Path<Config>("ring.etcd.certificateFile", REPOSFS_PLACE(ring.etcd.tls.certificate_file)),
      Path<Config>("ring.etcd.keyFile", REPOSFS_PLACE(ring.etcd.tls.key_file)),
      Scalar<Config>("ring.etcd.leaseTtl", REPOSFS_PLACE(ring.etcd.lease_ttl), ParseLease,
                     FormatDuration),
  };
}

}  // namespace

const std::vector<Setting<Config>>& HttpSettings() {
  static const std::vector<Setting<Config>> settings = {
      Text<Config>("http.listen", REPOSFS_PLACE(http.listen), CheckListen),
      Path<Config>("http.tls.certificateFile", REPOSFS_PLACE(http.tls.certificate_file)),
      Path<Config>("http.tls.keyFile", REPOSFS_PLACE(http.tls.key_file)),
      Path<Config>("http.tls.clientCaFile", REPOSFS_PLACE(http.tls.client_ca_file)),
      Word("http.serveGit", REPOSFS_PLACE(http.serve_git), kServeWords),
      Flag<Config>("http.openToAll", REPOSFS_PLACE(http.open_to_all)),
  };
  return settings;
}

const std::vector<Setting<Config>>& RingSettings() {
  static const std::vector<Setting<Config>> settings = [] {
    std::vector<Setting<Config>> all = MakeRingSettings();
    for (auto& setting : DiscoverySettings()) all.push_back(std::move(setting));
    return all;
  }();
  return settings;
}

const std::vector<Setting<Member>>& MemberSettings() {
  static const std::vector<Setting<Member>> settings = {
      Text<Member>("id", REPOSFS_PLACE(id), CheckMemberId),
      Text<Member>("address", REPOSFS_PLACE(address), CheckMemberAddress),
      Integer<Member>("weight", REPOSFS_PLACE(weight), {1, kMemberWeightMax}),
  };
  return settings;
}

}  // namespace reposfs
