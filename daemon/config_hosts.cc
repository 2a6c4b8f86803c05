#include "daemon/config_hosts.h"

#include <algorithm>
#include <array>
#include <vector>

#include "daemon/nearest_word.h"

namespace reposfs {
namespace {

const std::vector<std::string> kSchemes = {"https", "http", "ssh", "git", "file"};

HostOptions Host(std::string url, bool case_insensitive) {
  HostOptions host;
  host.url = std::move(url);
  host.case_insensitive = case_insensitive;
  return host;
}

// GitHub, GitLab, Forgejo and Bitbucket all answer to any spelling and use this layout.
HostOptions Forge(const std::string& name) {
  return Host("https://" + name + "/{owner}/{name}.git", true);
}

Error Refuse(std::string_view text, std::string_view why) {
  return Error{Errc::kInvalidArgument, "\"" + std::string(text) + "\" " + std::string(why)};
}

// "git@example.org:owner/name": a colon before any slash, which git reads as ssh.
bool IsScpLike(std::string_view url) {
  const auto colon = url.find(':');
  return colon != std::string_view::npos && url.find('/') > colon &&
         url.find("://") == std::string_view::npos;
}

Error RefuseScpLike(std::string_view url) {
  const auto colon = url.find(':');
  return Refuse(url, "is no URL; write ssh://" + std::string(url.substr(0, colon)) + "/" +
                         std::string(url.substr(colon + 1)));
}

// The user part of ssh://git@host is a login name; of any other scheme it is a credential.
Status CheckNoCredentials(std::string_view url, std::string_view scheme) {
  const auto begin = scheme.size() + 3;
  const std::string_view authority = url.substr(begin, url.find('/', begin) - begin);
  const auto at = authority.rfind('@');
  if (at == std::string_view::npos) return {};
  const bool has_password = authority.substr(0, at).find(':') != std::string_view::npos;
  if (scheme == "ssh" && !has_password) return {};
  // The URL is not repeated: what is wrong with it is that it is secret.
  return Error{Errc::kInvalidArgument,
               "a URL with credentials in it is refused, since it would show in logs; put them "
               "into a file and name it with credentialsFile"};
}

}  // namespace

const std::map<std::string, HostOptions>& BuiltInHosts() {
  static const std::map<std::string, HostOptions> hosts = {
      {"github.com", Forge("github.com")},
      {"gitlab.com", Forge("gitlab.com")},
      {"codeberg.org", Forge("codeberg.org")},
      {"bitbucket.org", Forge("bitbucket.org")},
      {"salsa.debian.org", Forge("salsa.debian.org")},
      {"gitlab.freedesktop.org", Forge("gitlab.freedesktop.org")},
      {"gitlab.gnome.org", Forge("gitlab.gnome.org")},
      {"invent.kde.org", Forge("invent.kde.org")},
      // Most of kernel.org is there: torvalds/linux, stable/linux and every maintainer's trees.
      {"git.kernel.org",
       Host("https://git.kernel.org/pub/scm/linux/kernel/git/{owner}/{name}.git", false)},
      {"git.savannah.gnu.org", Host("https://git.savannah.gnu.org/git/{owner}/{name}.git", false)},
      // Owners are written ~name there, as in the host's own URLs.
      {"git.sr.ht", Host("https://git.sr.ht/{owner}/{name}", false)},
  };
  return hosts;
}

HostOptions HostDefaults(const std::string& name) {
  const auto known = BuiltInHosts().find(name);
  if (known != BuiltInHosts().end()) return known->second;
  return Host("https://" + name + "/{owner}/{name}.git", false);
}

Status CheckHostName(std::string_view name) {
  constexpr std::size_t kLengthMax = 255;
  const bool right_letters = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
  if (name.empty() || name.size() > kLengthMax || !right_letters || name.front() == '.' ||
      name.front() == '-') {
    return Refuse(name,
                  "can't be the name of a host; use letters, digits, '.', '-' and '_', and give a "
                  "port or path with hosts.<name>.url");
  }
  return {};
}

Status CheckUrlTemplate(std::string_view url) {
  if (IsScpLike(url)) return RefuseScpLike(url);
  const auto end = url.find("://");
  if (end == std::string_view::npos) {
    return Refuse(url, "is no URL; write for example https://git.example.org/{owner}/{name}.git");
  }
  const std::string scheme(url.substr(0, end));
  if (std::find(kSchemes.begin(), kSchemes.end(), scheme) == kSchemes.end()) {
    return Error{Errc::kInvalidArgument, "scheme \"" + scheme +
                                             "\" is none of https, http, ssh, git, file" +
                                             DidYouMean(scheme, kSchemes)};
  }
  if (auto status = CheckNoCredentials(url, scheme); !status) return status;
  for (const char c : url) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == 0x7f) return Refuse(url, "has spaces or control characters in it");
  }
  for (const std::string_view placeholder : {"{owner}", "{name}"}) {
    if (url.find(placeholder) == std::string_view::npos) {
      return Refuse(url, "lacks " + std::string(placeholder) +
                             "; write for example https://git.example.org/{owner}/{name}.git");
    }
  }
  return {};
}

}  // namespace reposfs
