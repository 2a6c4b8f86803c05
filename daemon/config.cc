#include "daemon/config.h"

#include <unistd.h>

#include <string_view>

#include "base/file_util.h"
#include "daemon/config_check.h"
#include "daemon/config_environment.h"
#include "daemon/config_hosts.h"
#include "daemon/config_yaml.h"

namespace reposfs {
namespace {

constexpr std::uint64_t kFileSizeMaxBytes = 16ull << 20;

std::string Variable(const Environment& environment, const std::string& name) {
  const auto found = environment.variables.find(name);
  return found == environment.variables.end() ? "" : found->second;
}

}  // namespace

Environment Environment::OfProcess() {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    environment.variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  environment.is_root = ::geteuid() == 0;
  return environment;
}

Config DefaultConfig(const Environment& environment) {
  Config config;
  config.hosts = BuiltInHosts();
  if (environment.is_root) return config;
  const std::filesystem::path xdg = Variable(environment, "XDG_CACHE_HOME");
  const std::filesystem::path home = Variable(environment, "HOME");
  // The XDG specification says that a relative path is to be ignored.
  if (xdg.is_absolute()) {
    config.cache.directory = xdg / "reposfs";
  } else if (home.is_absolute()) {
    config.cache.directory = home / ".cache" / "reposfs";
  }
  return config;
}

Result<Config> LoadConfig(const std::optional<std::filesystem::path>& file,
                          const Environment& environment) {
  Config config = DefaultConfig(environment);
  const std::filesystem::path path = file.value_or(environment.default_file);
  const auto text = ReadFile(path, kFileSizeMaxBytes);
  const bool may_be_missing = !file.has_value();
  if (text) {
    if (auto status = ApplyYaml(text.value(), path.string(), config); !status) {
      return std::move(status).error();
    }
    config.file = path;
  } else if (!may_be_missing || text.error().code != Errc::kNotFound) {
    return text.error().Within("can't read the configuration");
  }
  if (auto status = ApplyEnvironment(environment.variables, config); !status) {
    return std::move(status).error();
  }
  CompleteConfig(config);
  if (auto status = CheckConfig(config); !status) {
    if (config.file.empty()) return std::move(status).error();
    return status.error().Within(config.file.string());
  }
  return config;
}

}  // namespace reposfs
