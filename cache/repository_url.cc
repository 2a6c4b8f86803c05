#include "cache/repository_url.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace reposfs {
namespace {

Error Refuse(std::string_view argument, std::string_view why) {
  return Error{Errc::kInvalidArgument, Printable(argument) + ": " + std::string(why)};
}

struct OwnerAndName {
  std::string owner;
  std::string name;
};

// "github.com:8080/git/git": what is left of a URL without scheme, user, query and trailing slash.
std::string LocationOf(std::string_view url) {
  const auto scheme_end = url.find("://");
  std::string_view rest = url.substr(scheme_end + 3);
  rest = rest.substr(0, rest.find_first_of("?#"));
  const auto slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    authority.remove_prefix(at + 1);
  }
  std::string location = AsciiLower(authority) + std::string(rest.substr(slash));
  while (location.ends_with('/')) location.pop_back();
  return location;
}

std::string WithoutSuffix(std::string text, std::string_view suffix) {
  if (text.ends_with(suffix)) text.resize(text.size() - suffix.size());
  return text;
}

// Whether what follows owner and name is a page of a git host's web site, and no deeper path.
bool IsWebPage(std::string_view component) {
  constexpr std::array<std::string_view, 16> kPages = {
      "tree", "blob",  "commit", "commits", "src",      "-",    "raw",      "blame",
      "wiki", "pulls", "pull",   "issues",  "releases", "tags", "branches", "actions"};
  return std::find(kPages.begin(), kPages.end(), component) != kPages.end();
}

// Owner and name of `location` if it looks like `url_template`.
std::optional<OwnerAndName> MatchTemplate(const std::string& location,
                                          const std::string& url_template) {
  const std::string shape = WithoutSuffix(LocationOf(url_template), ".git");
  const auto owner_at = shape.find("{owner}");
  const auto name_at = shape.find("{name}");
  if (owner_at == std::string::npos || name_at == std::string::npos || name_at < owner_at) {
    return std::nullopt;
  }
  const std::string between = shape.substr(owner_at + 7, name_at - owner_at - 7);
  if (between != "/" || !location.starts_with(shape.substr(0, owner_at))) return std::nullopt;
  const auto parts = Split(std::string_view(location).substr(owner_at), '/');
  const bool deeper = parts.size() > 2 && !IsWebPage(parts[2]);
  if (parts.size() < 2 || deeper) return std::nullopt;
  return OwnerAndName{PercentDecode(parts[0]),
                      PercentDecode(WithoutSuffix(std::string(parts[1]), ".git"))};
}

bool IsComponent(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.find('/') == std::string_view::npos;
}

// "git@github.com:git/git": a colon before any slash.
bool IsScpLike(std::string_view text) {
  const auto colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 && text.find('/') > colon;
}

std::string WithScheme(std::string_view url) {
  if (url.find("://") != std::string_view::npos) return std::string(url);
  std::string with_scheme = "ssh://" + std::string(url);
  with_scheme[with_scheme.find(':', 6)] = '/';
  return with_scheme;
}

}  // namespace

bool IsRepositoryUrl(std::string_view text) {
  return text.find("://") != std::string_view::npos || IsScpLike(text);
}

Result<std::string> SpellKey(std::string_view argument, const RepositoryKey& parts) {
  // `name@ref` is a view of the repository `name`.
  const std::string name = parts.name.substr(0, parts.name.find('@'));
  if (!IsComponent(parts.host) || !IsComponent(parts.owner) || !IsComponent(name)) {
    return Refuse(argument, "names no repository; write for example github.com/git/git");
  }
  return AsciiLower(parts.host) + "/" + parts.owner + "/" + name;
}

Result<std::string> KeyOfUrl(std::string_view url,
                             const std::map<std::string, HostOptions>& hosts) {
  const std::string location = LocationOf(WithScheme(url));
  for (const auto& [host, options] : hosts) {
    const auto match = MatchTemplate(location, options.url);
    if (match) return SpellKey(url, {host, match->owner, match->name});
  }
  const auto parts = Split(location, '/');
  const std::string host(parts[0].substr(0, parts[0].find(':')));
  if (!hosts.contains(host)) {
    return Refuse(url,
                  "no host of the configuration is fetched from there; add one under "
                  "`hosts:`, and `reposfs config show` lists them");
  }
  if (parts.size() != 3) {
    return Refuse(url,
                  "no repository of " + host + " has such a URL; expected " + hosts.at(host).url);
  }
  const std::string name = WithoutSuffix(std::string(parts[2]), ".git");
  return SpellKey(url, {host, PercentDecode(parts[1]), PercentDecode(name)});
}

}  // namespace reposfs
