#include "daemon/config_environment.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "daemon/config_hosts.h"
#include "daemon/config_settings.h"
#include "daemon/nearest_word.h"
#include "daemon/value_parsing.h"

namespace reposfs {
namespace {

constexpr std::string_view kPrefix = "REPOSFS_";

bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}

// A service called `reposfs-x` gives every pod REPOSFS_X_SERVICE_HOST, REPOSFS_X_PORT_80_TCP...
// REPOSFS_X_PORT is a URL; what is a number is our own key that ends with `port`.
bool IsFromKubernetes(std::string_view name, std::string_view value) {
  return name.find("_SERVICE_HOST") != std::string_view::npos ||
         name.find("_SERVICE_PORT") != std::string_view::npos ||
         (name.ends_with("_PORT") && value.find("://") != std::string_view::npos) ||
         name.find("_PORT_") != std::string_view::npos;
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> items;
  while (!Trim(text).empty()) {
    const auto comma = text.find(',');
    items.emplace_back(Trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return items;
}

struct NameAndValue {
  std::string name;
  std::string value;
};
NameAndValue SplitPair(const std::string& item) {
  const auto equals = item.find('=');
  if (equals == std::string::npos) return {item, ""};
  return {item.substr(0, equals), item.substr(equals + 1)};
}

Status ApplyHosts(const std::string& text, Config& config) {
  config.hosts.clear();
  for (const std::string& item : SplitList(text)) {
    const NameAndValue pair = SplitPair(item);
    const std::string name = AsciiLower(pair.name);
    if (auto status = CheckHostName(name); !status) return status;
    HostOptions host = HostDefaults(name);
    if (!pair.value.empty()) {
      if (auto status = CheckUrlTemplate(pair.value); !status) return status;
      host.url = pair.value;
    }
    config.hosts[name] = std::move(host);
  }
  if (config.hosts.empty()) {
    return Error{Errc::kInvalidArgument, "names no host; unset it for the built-in ones"};
  }
  return {};
}

Status ApplyHistory(const std::string& text, Config& config) {
  config.history = HistoryOptions{};
  for (const std::string& item : SplitList(text)) {
    const NameAndValue pair = SplitPair(item);
    const auto policy = ParseHistoryPolicy(pair.value.empty() ? pair.name : pair.value);
    if (!policy) return policy.error();
    if (pair.value.empty() || pair.name == "default") {
      config.history.policy = policy.value();
    } else {
      config.history.per_pattern.emplace_back(pair.name, policy.value());
    }
  }
  return {};
}

Status ApplyRingNodes(const std::string& text, Config& config) {
  config.ring.nodes.clear();
  for (const std::string& item : SplitList(text)) {
    const NameAndValue pair = SplitPair(item);
    config.ring.nodes.push_back({pair.name, pair.value});
  }
  return CheckMembers(config.ring.nodes);
}

Status ApplyVariable(const std::string& name, const std::string& value, Config& config) {
  if (name == "REPOSFS_HOSTS") return ApplyHosts(value, config);
  if (name == "REPOSFS_HISTORY") return ApplyHistory(value, config);
  if (name == "REPOSFS_RING_NODES") return ApplyRingNodes(value, config);
  std::vector<std::string> known = {"REPOSFS_HOSTS", "REPOSFS_HISTORY", "REPOSFS_RING_NODES"};
  for (const auto& setting : ConfigSettings()) {
    const std::string candidate = EnvironmentName(setting.name);
    if (candidate == name) {
      const bool is_list = setting.shape == Setting<Config>::Shape::kList;
      return setting.assign(config, is_list ? SplitList(value) : SettingText{value});
    }
    known.push_back(candidate);
  }
  return Error{Errc::kInvalidArgument, "no such variable" + DidYouMean(name, known)};
}

}  // namespace

std::string EnvironmentName(std::string_view key) {
  std::string name(kPrefix);
  for (const char c : key) {
    if (IsUpper(c)) name += '_';
    const bool lower = c >= 'a' && c <= 'z';
    name += c == '.' ? '_' : lower ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

Status ApplyEnvironment(const std::map<std::string, std::string>& variables, Config& config) {
  for (const auto& [name, value] : variables) {
    if (!name.starts_with(kPrefix) || IsFromKubernetes(name, value)) continue;
    if (auto status = ApplyVariable(name, value, config); !status) {
      return status.error().Within("environment variable " + name);
    }
  }
  return {};
}

}  // namespace reposfs
