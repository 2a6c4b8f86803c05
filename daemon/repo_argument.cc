#include "daemon/repo_argument.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"
#include "daemon/mount_table.h"

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

Result<std::string> MakeKey(std::string_view argument, const std::string& host,
                            const OwnerAndName& repository) {
  // `name@ref` is a view of the repository `name`.
  const std::string name = repository.name.substr(0, repository.name.find('@'));
  if (!IsComponent(host) || !IsComponent(repository.owner) || !IsComponent(name)) {
    return Refuse(argument, "names no repository; write for example github.com/git/git");
  }
  return AsciiLower(host) + "/" + repository.owner + "/" + name;
}

Result<std::string> KeyOfUrl(std::string_view argument, std::string_view url,
                             const RepoContext& context) {
  const std::string location = LocationOf(url);
  for (const auto& [host, options] : context.hosts) {
    const auto match = MatchTemplate(location, options.url);
    if (match) return MakeKey(argument, host, *match);
  }
  const auto parts = Split(location, '/');
  const std::string host(parts[0].substr(0, parts[0].find(':')));
  if (!context.hosts.contains(host)) {
    return Refuse(argument,
                  "no host of the configuration is fetched from there; add one under "
                  "`hosts:`, and `reposfs config show` lists them");
  }
  if (parts.size() != 3) {
    return Refuse(argument, "no repository of " + host + " has such a URL; expected " +
                                context.hosts.at(host).url);
  }
  const std::string name = WithoutSuffix(std::string(parts[2]), ".git");
  return MakeKey(argument, host, {PercentDecode(parts[1]), PercentDecode(name)});
}

Result<std::string> KeyOfPath(std::string_view argument, const RepoContext& context) {
  const auto path = NormalPath(argument, context.current_directory);
  const auto mountpoint = MountpointOf(path, context.mountpoints);
  if (!mountpoint) {
    return Refuse(argument,
                  "is in no mount of reposfs; write a key like github.com/git/git, or a URL");
  }
  const std::filesystem::path inside = path.lexically_relative(*mountpoint);
  std::vector<std::string> parts;
  for (const auto& part : inside) parts.push_back(part.string());
  if (parts.size() < 3) {
    return Refuse(argument, "is above the repositories; go on to one, as in github.com/git/git");
  }
  return MakeKey(argument, parts[0], {parts[1], parts[2]});
}

// "git@github.com:git/git": a colon before any slash.
bool IsScpLike(std::string_view text) {
  const auto colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 && text.find('/') > colon;
}

bool IsExplicitPath(std::string_view text) {
  return text.starts_with('/') || text == "." || text == ".." || text.starts_with("./") ||
         text.starts_with("../");
}

}  // namespace

Result<std::string> ParseRepoArgument(std::string_view argument, const RepoContext& context) {
  if (argument.find("://") != std::string_view::npos) {
    return KeyOfUrl(argument, argument, context);
  }
  if (IsExplicitPath(argument)) return KeyOfPath(argument, context);
  if (IsScpLike(argument)) {
    std::string url = "ssh://" + std::string(argument);
    url[url.find(':', 6)] = '/';
    return KeyOfUrl(argument, url, context);
  }

  const auto parts = Split(argument, '/');
  const bool three = parts.size() == 3;
  const bool names_a_host = context.hosts.contains(AsciiLower(parts[0]));
  const auto here = NormalPath(".", context.current_directory);
  const bool in_a_mount = MountpointOf(here, context.mountpoints).has_value();
  // In a mount, what starts with no host is a path from here, as `ls` would see it.
  if (in_a_mount && !(three && names_a_host)) return KeyOfPath(argument, context);
  if (!three) {
    return Refuse(argument, "names no repository; write for example github.com/git/git");
  }
  const std::string name = WithoutSuffix(std::string(parts[2]), ".git");
  return MakeKey(argument, std::string(parts[0]), {std::string(parts[1]), name});
}

}  // namespace reposfs
