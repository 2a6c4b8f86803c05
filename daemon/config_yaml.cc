#include "daemon/config_yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "daemon/config_hosts.h"
#include "daemon/config_ring.h"
#include "daemon/config_settings.h"

namespace reposfs {
namespace {

// One walk over one document.
class YamlReader {
 public:
  YamlReader(const std::string& file_name, Config& config)
      : file_name_(file_name), config_(config), keys_(AllConfigKeys()) {}

  Status ReadDocument(const YAML::Node& document) {
    if (document.IsNull()) return {};
    if (!document.IsMap()) return At(document, "a configuration is a map of keys and values");
    return ReadSection(document, "");
  }

  Status ReadRingNodes(const YAML::Node& nodes) {
    if (!nodes.IsSequence()) {
      return At(nodes,
                "ring.nodes: expected a list, as in [{ id: node-1, address: "
                "\"http://10.0.0.1:7420\" }]");
    }
    config_.ring.nodes.clear();
    for (const auto& item : nodes) {
      Member node;
      const auto status = ReadObject(item, "ring.nodes", MemberSettings(), node);
      if (!status) return status;
      config_.ring.nodes.push_back(std::move(node));
      const auto check = CheckMembers(config_.ring.nodes);
      if (!check) return At(item, "ring.nodes", check.error());
    }
    return {};
  }

 private:
  Error At(const YAML::Node& node, const std::string& message) const {
    return Error{Errc::kInvalidArgument, Place(node) + message};
  }

  // `file:line: key: message`, with the code of `error`.
  Error At(const YAML::Node& node, const std::string& key, const Error& error) const {
    return Error{error.code, Place(node) + key + ": " + error.message};
  }

  std::string Place(const YAML::Node& node) const {
    return file_name_ + ":" + std::to_string(node.Mark().line + 1) + ": ";
  }

  // `key` and the keys of its map; refuses one given twice, which YAML forbids and yaml-cpp allows.
  Status CheckMap(const YAML::Node& node, const std::string& key) const {
    if (!node.IsMap()) return At(node, key + ": expected a map, as in `key: value`");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return At(entry.first, key + ": a key must be a word");
      const std::string& name = entry.first.Scalar();
      if (!seen.insert(name).second) return At(entry.first, "\"" + name + "\" is given twice");
    }
    return {};
  }

  Status ReadSection(const YAML::Node& section, const std::string& prefix) {
    if (section.IsNull()) return {};
    if (auto status = CheckMap(section, prefix); !status) return status;
    for (const auto& entry : section) {
      const std::string name = (prefix.empty() ? "" : prefix + ".") + entry.first.Scalar();
      if (auto status = ReadKey(name, entry.first, entry.second); !status) return status;
    }
    return {};
  }

  Status ReadKey(const std::string& name, const YAML::Node& key, const YAML::Node& value) {
    if (name == "hosts") return ReadHosts(value);
    if (name == "history") return ReadHistory(value);
    if (name == "ring.nodes") return ReadRingNodes(value);
    for (const auto& setting : ConfigSettings()) {
      if (setting.name == name) return ReadSetting(setting, name, value, config_);
    }
    const bool is_section = std::find(keys_.begin(), keys_.end(), name) != keys_.end();
    if (is_section) return ReadSection(value, name);
    return At(key, "unknown key \"" + name + "\"" + DidYouMeanKey(name, keys_));
  }

  template <typename T>
  Status ReadSetting(const Setting<T>& setting, const std::string& name, const YAML::Node& node,
                     T& object) const {
    SettingText text;
    if (setting.shape == Setting<T>::Shape::kList) {
      if (!node.IsSequence()) return At(node, name + ": expected a list, as in [a, b]");
      for (const auto& item : node) {
        if (!item.IsScalar()) return At(item, name + ": expected a list of words");
        text.push_back(item.Scalar());
      }
    } else {
      if (!node.IsScalar()) return At(node, name + ": expected one value");
      text.push_back(node.Scalar());
    }
    if (auto status = setting.assign(object, text); !status) return At(node, name, status.error());
    return {};
  }

  // A map whose keys are all in `settings`.
  template <typename T>
  Status ReadObject(const YAML::Node& node, const std::string& prefix,
                    const std::vector<Setting<T>>& settings, T& object) const {
    if (auto status = CheckMap(node, prefix); !status) return status;
    for (const auto& entry : node) {
      const std::string& word = entry.first.Scalar();
      const std::string name = prefix + "." + word;
      const auto setting =
          std::find_if(settings.begin(), settings.end(),
                       [&word](const Setting<T>& candidate) { return candidate.name == word; });
      if (setting == settings.end()) {
        std::vector<std::string> known;
        for (const auto& candidate : settings) known.push_back(prefix + "." + candidate.name);
        return At(entry.first, "unknown key \"" + name + "\"" + DidYouMeanKey(name, known));
      }
      if (auto status = ReadSetting(*setting, name, entry.second, object); !status) return status;
    }
    return {};
  }

  Status ReadHosts(const YAML::Node& hosts) {
    if (!hosts.IsMap() || hosts.size() == 0) {
      return At(hosts,
                "hosts: expected a map, as in { github.com: {} }; leave it out for the "
                "built-in hosts");
    }
    if (auto status = CheckMap(hosts, "hosts"); !status) return status;
    config_.hosts.clear();
    for (const auto& entry : hosts) {
      if (auto status = ReadHost(entry.first, entry.second); !status) return status;
    }
    return {};
  }

  Status ReadHost(const YAML::Node& key, const YAML::Node& value) {
    const std::string name = AsciiLower(key.Scalar());
    if (auto status = CheckHostName(name); !status) return At(key, "hosts", status.error());
    HostOptions host = HostDefaults(name);
    if (!value.IsNull()) {
      const auto status = ReadObject(value, "hosts." + name, HostSettings(), host);
      if (!status) return status;
    }
    if (!config_.hosts.emplace(name, std::move(host)).second) {
      return At(key, "\"hosts." + name + "\" is given twice");
    }
    return {};
  }

  Status ReadHistory(const YAML::Node& node) {
    config_.history = HistoryOptions{};
    if (node.IsScalar()) return ReadHistoryPolicy("history", node, config_.history.policy);
    if (!node.IsMap()) {
      return At(node, "history: expected complete, lazy or none, or a map of patterns to these");
    }
    if (auto status = CheckMap(node, "history"); !status) return status;
    for (const auto& entry : node) {
      const std::string& pattern = entry.first.Scalar();
      HistoryPolicy policy = HistoryPolicy::kComplete;
      const auto status = ReadHistoryPolicy("history." + pattern, entry.second, policy);
      if (!status) return status;
      if (pattern == "default") {
        config_.history.policy = policy;
      } else {
        config_.history.per_pattern.emplace_back(pattern, policy);
      }
    }
    return {};
  }

  Status ReadHistoryPolicy(const std::string& name, const YAML::Node& node,
                           HistoryPolicy& policy) const {
    if (!node.IsScalar()) return At(node, name + ": expected complete, lazy or none");
    const auto parsed = ParseHistoryPolicy(node.Scalar());
    if (!parsed) return At(node, name, parsed.error());
    policy = parsed.value();
    return {};
  }

  const std::string& file_name_;
  Config& config_;
  const std::vector<std::string> keys_;
};

// Calls `read` with the document that `text` is.
template <typename Read>
Status ReadYaml(const std::string& text, const std::string& file_name, Read read) {
  try {
    return read(YAML::Load(text));
  } catch (const YAML::Exception& exception) {
    return Error{Errc::kInvalidArgument, file_name + ":" + std::to_string(exception.mark.line + 1) +
                                             ": not valid YAML: " + exception.msg};
  }
}

}  // namespace

Status ApplyYaml(const std::string& text, const std::string& file_name, Config& config) {
  return ReadYaml(text, file_name, [&](const YAML::Node& document) {
    return YamlReader(file_name, config).ReadDocument(document);
  });
}

Result<std::vector<Member>> ParseMembersYaml(const std::string& text) {
  Config config;
  const std::string place = "line";
  const auto status = ReadYaml(text, place, [&](const YAML::Node& document) {
    return YamlReader(place, config).ReadRingNodes(document);
  });
  if (!status) return status.error();
  return std::move(config.ring.nodes);
}

}  // namespace reposfs
