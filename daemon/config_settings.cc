#include "daemon/config_settings.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "daemon/config_hosts.h"
#include "daemon/setting_kinds.h"
#include "daemon/value_parsing.h"

namespace reposfs {
namespace {

const Words<JobKind>& JobKindWords() {
  static const Words<JobKind> words = [] {
    Words<JobKind> all;
    for (const JobKind kind : kAllJobKinds) {
      if (!IsHousekeeping(kind)) all.emplace_back(JobKindName(kind), kind);
    }
    return all;
  }();
  return words;
}

// `jobs.inline`: the kinds that the process which mounts runs itself.
Setting<Config> JobKinds(std::string name) {
  return {std::move(name), Setting<Config>::Shape::kList,
          [](Config& config, const SettingText& text) -> Status {
            std::vector<JobKind> kinds;
            for (const std::string& item : text) {
              auto kind = ParseWord(item, JobKindWords());
              if (!kind) return std::move(kind).error();
              kinds.push_back(*kind);
            }
            config.jobs.kinds = std::move(kinds);
            return {};
          },
          [](const Config& config) -> SettingText {
            SettingText text;
            for (const JobKind kind : config.jobs.kinds) {
              if (!IsHousekeeping(kind)) text.emplace_back(JobKindName(kind));
            }
            return text;
          }};
}

const Words<HistoryPolicy> kHistoryWords = {{"complete", HistoryPolicy::kComplete},
                                            {"lazy", HistoryPolicy::kLazy},
                                            {"none", HistoryPolicy::kNone}};
const Words<FreshnessMode> kFreshnessWords = {{"background", FreshnessMode::kBackground},
                                              {"strict", FreshnessMode::kStrict}};
const Words<FetchClient> kClientWords = {{"auto", FetchClient::kAuto}, {"git", FetchClient::kGit}};
const Words<RingDiscovery> kDiscoveryWords = {{"static", RingDiscovery::kStatic},
                                              {"dns", RingDiscovery::kDns},
                                              {"etcd", RingDiscovery::kEtcd}};
const Words<IoEngineChoice> kEngineWords = {{"auto", IoEngineChoice::kAuto},
                                            {"threads", IoEngineChoice::kThreads}};
const Words<std::string> kLogWords = {{"trace", "trace"}, {"debug", "debug"}, {"info", "info"},
                                      {"warn", "warn"},   {"error", "error"}, {"off", "off"}};

Result<std::uint64_t> ParseMemory(std::string_view text) {
  constexpr std::uint64_t kLeast = 64ull << 20;
  auto bytes = ParseSize(text);
  if (bytes && bytes.value() < kLeast) {
    return Refuse(text, "is too little for git to run in; write at least 64MiB");
  }
  return bytes;
}

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

Status CheckNodeAddress(std::string_view text) {
  const bool http = text.starts_with("http://") || text.starts_with("https://");
  if (http && text.find('@') == std::string_view::npos) return {};
  return Refuse(text, "is no address of a node; write for example http://10.0.0.1:7420");
}

Status CheckNodeId(std::string_view text) {
  if (!text.empty() && text.find_first_of(" \t\n/") == std::string_view::npos) return {};
  return Refuse(text, "is no id of a node; write for example node-1");
}

Result<bool> ParseRingEnabled(std::string_view text) {
  auto enabled = ParseBool(text);
  if (enabled && enabled.value()) {
    return Error{Errc::kUnsupported, "ring is not available in this build yet"};
  }
  return enabled;
}

std::vector<Setting<Config>> CacheSettings() {
  return {
      Path<Config>("cache.directory", REPOSFS_PLACE(cache.directory)),
      Scalar<Config>("cache.quota", REPOSFS_PLACE(cache.quota), ParseQuota, FormatQuota),
      List("cache.neverEvict", REPOSFS_PLACE(cache.never_evict)),
      Duration<Config>("cache.minResidency", REPOSFS_PLACE(cache.min_residency)),
  };
}

std::vector<Setting<Config>> FetchingSettings() {
  return {
      Duration<Config>("freshness.maxAge", REPOSFS_PLACE(freshness.max_age)),
      Word("freshness.mode", REPOSFS_PLACE(freshness.mode), kFreshnessWords),
      PositiveDuration<Config>("freshness.timeout", REPOSFS_PLACE(freshness.timeout)),
      Duration<Config>("freshness.negativeTtl", REPOSFS_PLACE(freshness.negative_ttl)),
      Duration<Config>("freshness.activeFor", REPOSFS_PLACE(freshness.active_for)),
      Word("fetch.client", REPOSFS_PLACE(fetch.client), kClientWords),
      PositiveDuration<Config>("fetch.requestTimeout", REPOSFS_PLACE(fetch.request_timeout)),
      PositiveDuration<Config>("fetch.stallTimeout", REPOSFS_PLACE(fetch.stall_timeout)),
      PositiveDuration<Config>("fetch.totalTimeout", REPOSFS_PLACE(fetch.total_timeout)),
      Scalar<Config>("fetch.memory", REPOSFS_PLACE(fetch.memory_bytes), ParseMemory, FormatSize),
      Integer<Config>("fetch.concurrency", REPOSFS_PLACE(fetch.concurrency), {1, 1024}),
      JobKinds("jobs.inline"),
      PositiveDuration<Config>("jobs.lease", REPOSFS_PLACE(jobs.lease)),
  };
}

std::vector<Setting<Config>> ServingSettings() {
  return {
      PositiveDuration<Config>("lru.granularity", REPOSFS_PLACE(lru.granularity)),
      List("lookup.ignore", REPOSFS_PLACE(lookup.ignore)),
      Text<Config>("http.listen", REPOSFS_PLACE(http.listen), CheckListen),
      Word("io.engine", REPOSFS_PLACE(io.engine), kEngineWords),
      Word("log.level", REPOSFS_PLACE(log.level), kLogWords),
      Flag<Config>("mount.allowOther", REPOSFS_PLACE(mount.allow_other)),
      Id("mount.uid", REPOSFS_PLACE(mount.uid)),
      Id("mount.gid", REPOSFS_PLACE(mount.gid)),
  };
}

std::vector<Setting<Config>> RingSettings() {
  const auto check_node_id = [](std::string_view text) -> Status {
    return text.empty() ? Status() : CheckNodeId(text);
  };
  return {
      Scalar<Config>("ring.enabled", REPOSFS_PLACE(ring.enabled), ParseRingEnabled,
                     [](bool value) { return std::string(value ? "true" : "false"); }),
      Text<Config>("ring.nodeId", REPOSFS_PLACE(ring.node_id), check_node_id),
      Integer<Config>("ring.replicationCount", REPOSFS_PLACE(ring.replication_count), {1, 100}),
      Integer<Config>("ring.virtualNodes", REPOSFS_PLACE(ring.virtual_nodes), {1, 10'000}),
      PositiveDuration<Config>("ring.healthCheckInterval",
                               REPOSFS_PLACE(ring.health_check_interval)),
      Word("ring.discovery", REPOSFS_PLACE(ring.discovery), kDiscoveryWords),
  };
}

}  // namespace

const std::vector<Setting<Config>>& ConfigSettings() {
  static const std::vector<Setting<Config>> settings = [] {
    std::vector<Setting<Config>> all;
    for (auto& part : {CacheSettings(), FetchingSettings(), ServingSettings(), RingSettings()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return settings;
}

const std::vector<Setting<HostOptions>>& HostSettings() {
  static const std::vector<Setting<HostOptions>> settings = {
      Text<HostOptions>("url", REPOSFS_PLACE(url), CheckUrlTemplate),
      Flag<HostOptions>("caseInsensitive", REPOSFS_PLACE(case_insensitive)),
      Integer<HostOptions>("maxConcurrentFetches", REPOSFS_PLACE(max_concurrent_fetches),
                           {1, 1024}),
      Integer<HostOptions>("requestsPerMinute", REPOSFS_PLACE(requests_per_minute), {0, 1'000'000}),
      Path<HostOptions>("credentialsFile", REPOSFS_PLACE(credentials_file)),
      Path<HostOptions>("sshKeyFile", REPOSFS_PLACE(ssh_key_file)),
  };
  return settings;
}

const std::vector<Setting<RingNode>>& RingNodeSettings() {
  static const std::vector<Setting<RingNode>> settings = {
      Text<RingNode>("id", REPOSFS_PLACE(id), CheckNodeId),
      Text<RingNode>("address", REPOSFS_PLACE(address), CheckNodeAddress),
      Integer<RingNode>("weight", REPOSFS_PLACE(weight), {1, 1000}),
  };
  return settings;
}

Result<HistoryPolicy> ParseHistoryPolicy(std::string_view word) {
  return ParseWord(word, kHistoryWords);
}

std::string FormatHistoryPolicy(HistoryPolicy policy) {
  return FormatWord(policy, kHistoryWords);
}

Status CheckRingNodes(const std::vector<RingNode>& nodes) {
  std::set<std::string> ids;
  for (const RingNode& node : nodes) {
    if (node.id.empty() || node.address.empty()) {
      return Error{Errc::kInvalidArgument, "a node needs an id and an address"};
    }
    if (!ids.insert(node.id).second) return Refuse(node.id, "is the id of two nodes");
  }
  return {};
}

std::vector<std::string> AllConfigKeys() {
  std::vector<std::string> keys = {"hosts", "history", "ring.nodes"};
  for (const auto& setting : ConfigSettings()) {
    keys.push_back(setting.name);
    const std::string section = setting.name.substr(0, setting.name.find('.'));
    if (std::find(keys.begin(), keys.end(), section) == keys.end()) keys.push_back(section);
  }
  return keys;
}

std::string DidYouMeanKey(std::string_view typed, const std::vector<std::string>& known) {
  for (const std::string& key : known) {
    if (AsciiLower(key).ends_with("." + AsciiLower(typed)))
      return "; did you mean \"" + key + "\"?";
  }
  return DidYouMean(typed, known);
}

}  // namespace reposfs
