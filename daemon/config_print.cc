// ConfigToYaml() and ConfigToJson(), declared in daemon/config.h.
#include <yaml-cpp/yaml.h>

#include "base/text.h"
#include "daemon/config.h"
#include "daemon/config_ring.h"
#include "daemon/config_settings.h"

namespace reposfs {
namespace {

// A text that YAML would read as null or a number is still read as a text by us, but people and
// other tools are spared the doubt.
void EmitText(YAML::Emitter& out, const std::string& text) {
  if (text.empty()) out << YAML::DoubleQuoted;
  out << text;
}

template <typename T>
void EmitSetting(YAML::Emitter& out, const Setting<T>& setting, const std::string& key,
                 const T& object) {
  const SettingText text = setting.show(object);
  if (setting.shape == Setting<T>::Shape::kScalar) {
    if (text.empty()) return;
    out << YAML::Key << key << YAML::Value;
    EmitText(out, text.front());
    return;
  }
  out << YAML::Key << key << YAML::Value << YAML::Flow << YAML::BeginSeq;
  for (const std::string& item : text) EmitText(out, item);
  out << YAML::EndSeq;
}

template <typename T>
void EmitObject(YAML::Emitter& out, const std::vector<Setting<T>>& settings, const T& object) {
  out << YAML::BeginMap;
  for (const auto& setting : settings) EmitSetting(out, setting, setting.name, object);
  out << YAML::EndMap;
}

void EmitRingNodes(YAML::Emitter& out, const std::vector<Member>& nodes) {
  out << YAML::Key << "nodes" << YAML::Value << YAML::BeginSeq;
  for (const Member& node : nodes) {
    out << YAML::Flow;
    EmitObject(out, MemberSettings(), node);
  }
  out << YAML::EndSeq;
}

// The keys of `section` ("ring", "ring.dns") and of the sections in it.
void EmitSection(YAML::Emitter& out, const std::string& section, const Config& config) {
  const std::string prefix = section + ".";
  out << YAML::Key << section.substr(section.rfind('.') + 1) << YAML::Value << YAML::BeginMap;
  std::string inner_before;
  for (const auto& setting : ConfigSettings()) {
    if (!setting.name.starts_with(prefix)) continue;
    const std::string key = setting.name.substr(prefix.size());
    const auto dot = key.find('.');
    if (dot == std::string::npos) {
      EmitSetting(out, setting, key, config);
    } else if (key.substr(0, dot) != inner_before) {
      inner_before = key.substr(0, dot);
      EmitSection(out, prefix + inner_before, config);
    }
  }
  if (section == "ring") EmitRingNodes(out, config.ring.nodes);
  out << YAML::EndMap;
}

void EmitHosts(YAML::Emitter& out, const std::map<std::string, HostOptions>& hosts) {
  out << YAML::Key << "hosts" << YAML::Value << YAML::BeginMap;
  for (const auto& [name, host] : hosts) {
    out << YAML::Key << name << YAML::Value;
    EmitObject(out, HostSettings(), host);
  }
  out << YAML::EndMap;
}

void EmitHistory(YAML::Emitter& out, const HistoryOptions& history) {
  const std::string policy = FormatHistoryPolicy(history.policy);
  out << YAML::Key << "history" << YAML::Value;
  if (history.per_pattern.empty()) {
    out << policy;
    return;
  }
  out << YAML::BeginMap << YAML::Key << "default" << YAML::Value << policy;
  for (const auto& [pattern, pattern_policy] : history.per_pattern) {
    out << YAML::Key << pattern << YAML::Value << FormatHistoryPolicy(pattern_policy);
  }
  out << YAML::EndMap;
}

template <typename T>
nlohmann::json ObjectToJson(const std::vector<Setting<T>>& settings, const T& object) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& setting : settings) {
    const SettingText text = setting.show(object);
    nlohmann::json* place = &json;
    for (const std::string_view word : Split(setting.name, '.'))
      place = &(*place)[std::string(word)];
    if (setting.shape == Setting<T>::Shape::kList) {
      *place = text;
    } else if (!text.empty()) {
      *place = text.front();
    }
  }
  return json;
}

}  // namespace

nlohmann::json ConfigToJson(const Config& config) {
  nlohmann::json json = ObjectToJson(ConfigSettings(), config);
  for (const auto& [name, host] : config.hosts) {
    json["hosts"][name] = ObjectToJson(HostSettings(), host);
  }
  json["history"]["default"] = FormatHistoryPolicy(config.history.policy);
  for (const auto& [pattern, policy] : config.history.per_pattern) {
    json["history"][pattern] = FormatHistoryPolicy(policy);
  }
  json["ring"]["nodes"] = nlohmann::json::array();
  for (const Member& node : config.ring.nodes) {
    json["ring"]["nodes"].push_back(ObjectToJson(MemberSettings(), node));
  }
  return json;
}

std::string ConfigToYaml(const Config& config) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  EmitSection(out, "cache", config);
  EmitHosts(out, config.hosts);
  EmitSection(out, "freshness", config);
  EmitHistory(out, config.history);
  for (const char* section :
       {"fetch", "jobs", "lru", "lookup", "http", "io", "log", "mount", "ring"}) {
    EmitSection(out, section, config);
  }
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace reposfs
