#include "daemon/config_settings.h"

#include <algorithm>

#include "base/text.h"
#include "daemon/config_hosts.h"
#include "daemon/config_ring.h"
#include "daemon/setting_kinds.h"
#include "daemon/value_parsing.h"

namespace reposfs {
namespace {

// Each lease is renewed three times, by a timer of a second.
constexpr milliseconds kLeaseMin = std::chrono::seconds(3);

template <typename T, typename Place>
Setting<T> LeaseDuration(std::string name, Place place) {
  const auto parse = [](std::string_view text) -> Result<milliseconds> {
    auto value = ParseDuration(text);
    if (value && *value < kLeaseMin) {
      return Refuse(text, "is too short: a process that is only busy would lose its jobs; write " +
                              FormatDuration(kLeaseMin) + " or more");
    }
    return value;
  };
  return Scalar<T>(std::move(name), place, parse, FormatDuration);
}

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

std::vector<Setting<Config>> CacheSettings() {
  return {
      Path<Config>("cache.directory", REPOSFS_PLACE(cache.directory)),
      Scalar<Config>("cache.quota", REPOSFS_PLACE(cache.quota), ParseQuota, FormatQuota),
      List("cache.neverEvict", REPOSFS_PLACE(cache.never_evict)),
      Path<Config>("cache.neverEvictFile", REPOSFS_PLACE(cache.never_evict_file)),
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
      LeaseDuration<Config>("jobs.lease", REPOSFS_PLACE(jobs.lease)),
  };
}

std::vector<Setting<Config>> ServingSettings() {
  return {
      PositiveDuration<Config>("lru.granularity", REPOSFS_PLACE(lru.granularity)),
      List("lookup.ignore", REPOSFS_PLACE(lookup.ignore)),
      Word("io.engine", REPOSFS_PLACE(io.engine), kEngineWords),
      Word("log.level", REPOSFS_PLACE(log.level), kLogWords),
      Flag<Config>("mount.allowOther", REPOSFS_PLACE(mount.allow_other)),
      Id("mount.uid", REPOSFS_PLACE(mount.uid)),
      Id("mount.gid", REPOSFS_PLACE(mount.gid)),
  };
}

}  // namespace

const std::vector<Setting<Config>>& ConfigSettings() {
  static const std::vector<Setting<Config>> settings = [] {
    std::vector<Setting<Config>> all;
    for (auto& part :
         {CacheSettings(), FetchingSettings(), HttpSettings(), ServingSettings(), RingSettings()}) {
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

Result<HistoryPolicy> ParseHistoryPolicy(std::string_view word) {
  return ParseWord(word, kHistoryWords);
}

std::string FormatHistoryPolicy(HistoryPolicy policy) {
  return FormatWord(policy, kHistoryWords);
}

std::vector<std::string> AllConfigKeys() {
  std::vector<std::string> keys = {"hosts", "history", "ring.nodes"};
  for (const auto& setting : ConfigSettings()) {
    keys.push_back(setting.name);
    for (auto dot = setting.name.find('.'); dot != std::string::npos;
         dot = setting.name.find('.', dot + 1)) {
      const std::string section = setting.name.substr(0, dot);
      if (std::find(keys.begin(), keys.end(), section) == keys.end()) keys.push_back(section);
    }
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
