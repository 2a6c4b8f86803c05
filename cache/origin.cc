#include "cache/origin.h"

#include "base/text.h"

namespace reposfs {
namespace {

void ReplaceAll(std::string& text, std::string_view what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), by);
    at += by.size();
  }
}

}  // namespace

std::string_view OriginOf(std::string_view url) {
  const std::size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return url;
  return url.substr(0, url.find('/', scheme_end + 3));
}

std::vector<std::string> UpstreamOrigin::Hosts() const {
  std::vector<std::string> names;
  for (const auto& [name, options] : hosts_) names.push_back(name);
  return names;
}

std::optional<HostOptions> UpstreamOrigin::HostOf(const std::string& host) const {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return std::nullopt;
  return found->second;
}

std::vector<Source> UpstreamOrigin::SourcesOf(const RepositoryKey& key, Wanted /*wanted*/) const {
  const auto host = HostOf(key.host);
  if (!host) return {};
  const bool http = host->url.starts_with("http");
  std::string url = host->url;
  ReplaceAll(url, "{owner}", http ? PercentEncode(key.owner) : key.owner);
  ReplaceAll(url, "{name}", http ? PercentEncode(key.name) : key.name);
  return {Source{std::move(url), *host}};
}

}  // namespace reposfs
