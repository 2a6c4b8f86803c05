#include "cache/http_settings.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "base/text.h"

namespace reposfs {
namespace {

constexpr std::size_t kMatchedCountMax = 1024;
constexpr std::string_view kHttp = "http.";
constexpr std::string_view kExtraHeader = "http.extraheader";

// Settings that mean nothing to us: limits that we have ourselves, other services, other systems.
constexpr std::array<std::string_view, 17> kIgnored = {
    "http.followredirects", "http.lowspeedlimit",        "http.lowspeedtime",
    "http.postbuffer",      "http.maxrequests",          "http.minsessions",
    "http.noepsv",          "http.receivepack",          "http.uploadpack",
    "http.getanyfile",      "http.sslbackend",           "http.schannelcheckrevoke",
    "http.savecookies",     "http.schannelusesslcainfo", "http.ssltry",
    "http.maxretries",      "http.proactiveauth"};

bool IsTrue(std::string_view value) {
  const std::string word = AsciiLower(value);
  return !(word.empty() || word == "false" || word == "no" || word == "off" || word == "0");
}

Error OnlyGit(std::string_view name) {
  return Error{Errc::kUnsupported, "only git can follow the setting " + Printable(name)};
}

// git expands `~/` where a path is expected.
Result<std::string> ExpandPath(std::string_view name, const std::string& value) {
  if (!value.starts_with('~') && !value.starts_with('%')) return value;
  const char* home = std::getenv("HOME");
  if (!value.starts_with("~/") || home == nullptr) return OnlyGit(name);
  return home + value.substr(1);
}

struct PathPlace {
  std::string_view name;
  std::string HttpSettings::*place;
};
constexpr PathPlace kPaths[] = {{"http.sslcainfo", &HttpSettings::ca_file},
                                {"http.sslcapath", &HttpSettings::ca_directory},
                                {"http.sslcert", &HttpSettings::certificate},
                                {"http.sslkey", &HttpSettings::key}};

Status Apply(const std::string& name, const std::string& value, HttpSettings& settings) {
  for (const PathPlace& path : kPaths) {
    if (name != path.name) continue;
    auto expanded = ExpandPath(name, value);
    if (!expanded) return std::move(expanded).error();
    settings.*path.place = std::move(*expanded);
    return {};
  }
  if (name == kExtraHeader) {
    // As git has it: an empty one forgets those before it.
    if (value.empty()) settings.extra_headers.clear();
    if (!value.empty()) settings.extra_headers.push_back(value);
  } else if (name == "http.proxy") {
    settings.proxy = value;
  } else if (name == "http.proxyauthmethod") {
    settings.proxy_auth_method = value;
  } else if (name == "http.sslverify") {
    settings.verify = IsTrue(value);
  } else if (name == "http.useragent") {
    settings.user_agent = value;
  } else if (name == "http.version") {
    settings.version = value;
  } else if (IsTrue(value) || !(name == "http.emptyauth" || name.ends_with("passwordprotected"))) {
    return OnlyGit(name);
  }
  return {};
}

// git asks a credential helper for the password of a proxy; we leave that to it.
bool ProxyNeedsGit(const HttpSettings& settings) {
  if (!settings.proxy || settings.proxy->empty()) return false;
  const std::string& proxy = *settings.proxy;
  const std::size_t scheme_end = proxy.find("://");
  const std::size_t begin = scheme_end == std::string::npos ? 0 : scheme_end + 3;
  const std::size_t at = proxy.rfind('@');
  const bool has_user = at != std::string::npos && at >= begin;
  const bool has_password =
      has_user && proxy.substr(begin, at - begin).find(':') != std::string::npos;
  const std::string method = AsciiLower(settings.proxy_auth_method);
  return (has_user && !has_password) ||
         !(method.empty() || method == "basic" || method == "anyauth");
}

}  // namespace

Result<HttpSettings> ParseHttpSettings(const GitSettings& settings) {
  HttpSettings parsed;
  for (const auto& [name, value] : settings) {
    if (std::find(kIgnored.begin(), kIgnored.end(), name) != kIgnored.end()) continue;
    if (auto applied = Apply(name, value, parsed); !applied) return std::move(applied).error();
  }
  if (ProxyNeedsGit(parsed)) return OnlyGit("http.proxy");
  if (const char* ca_file = std::getenv("GIT_SSL_CAINFO")) parsed.ca_file = ca_file;
  return parsed;
}

Result<HttpSettings> HttpSettingsReader::For(const Source& source,
                                             const GitSettingsReader::KeepGoing& keep_going) {
  auto listed = git_.List(source, keep_going);
  if (!listed) return std::move(listed).error();
  GitSettings http = **listed;
  std::erase_if(http, [](const auto& setting) { return !setting.first.starts_with(kHttp); });
  const auto names = [&](bool (*named)(std::string_view)) {
    return std::any_of(http.begin(), http.end(),
                       [&](const auto& setting) { return named(setting.first); });
  };
  if (!names(NamesUrl)) return ParseHttpSettings(http);
  const auto header_count = std::count_if(http.begin(), http.end(), [](const auto& setting) {
    return setting.first.ends_with(kExtraHeader.substr(kHttp.size()));
  });
  // Of several headers, git would print only one.
  if (header_count > 1) return OnlyGit(kExtraHeader);
  const std::string place = names(NamesPath) ? source.url : std::string(OriginOf(source.url));
  auto matched = Match(source, place, *listed, keep_going);
  if (!matched) return std::move(matched).error();
  return ParseHttpSettings(*matched);
}

Result<GitSettings> HttpSettingsReader::Match(const Source& source, const std::string& place,
                                              const GitSettingsPtr& listed,
                                              const GitSettingsReader::KeepGoing& keep_going) {
  {
    MutexLock lock(mutex_);
    const auto found = matched_of_ == listed ? matched_.find(place) : matched_.end();
    if (found != matched_.end()) return found->second;
  }
  auto output = git_.Ask(source, {"--get-urlmatch", "http", source.url}, keep_going);
  if (!output) return std::move(output).error();
  GitSettings matched = ParseGitSettings(*output);
  MutexLock lock(mutex_);
  if (matched_of_ != listed || matched_.size() >= kMatchedCountMax) matched_.clear();
  matched_of_ = listed;
  matched_[place] = matched;
  return matched;
}

}  // namespace reposfs
