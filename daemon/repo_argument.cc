#include "daemon/repo_argument.h"

#include <vector>

#include "base/text.h"
#include "cache/repository_url.h"
#include "daemon/mount_table.h"

namespace reposfs {
namespace {

Error Refuse(std::string_view argument, std::string_view why) {
  return Error{Errc::kInvalidArgument, Printable(argument) + ": " + std::string(why)};
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
  return SpellKey(argument, {parts[0], parts[1], parts[2]});
}

bool IsExplicitPath(std::string_view text) {
  return text.starts_with('/') || text == "." || text == ".." || text.starts_with("./") ||
         text.starts_with("../");
}

}  // namespace

Result<std::string> ParseRepoArgument(std::string_view argument, const RepoContext& context) {
  if (argument.find("://") != std::string_view::npos) return KeyOfUrl(argument, context.hosts);
  if (IsExplicitPath(argument)) return KeyOfPath(argument, context);
  if (IsRepositoryUrl(argument)) return KeyOfUrl(argument, context.hosts);

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
  std::string name(parts[2]);
  if (name.ends_with(".git")) name.resize(name.size() - 4);
  return SpellKey(argument, {std::string(parts[0]), std::string(parts[1]), name});
}

}  // namespace reposfs
