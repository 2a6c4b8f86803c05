#include "daemon/command_context.h"

#include <cstdio>

#include "base/text.h"
#include "daemon/mount_table.h"
#include "daemon/repo_argument.h"

namespace reposfs {

int Fail(const Error& error) {
  const std::string line = "reposfs: " + Printable(error.message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  return kExitFailed;
}

void PrintJson(const nlohmann::json& value) {
  using nlohmann::json;
  WriteOut(value.dump(2, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace) + "\n");
}

Result<std::string> ResolveRepo(const std::string& argument, const Config& config) {
  RepoContext context;
  std::error_code no_current_directory;
  context.current_directory = std::filesystem::current_path(no_current_directory);
  if (no_current_directory) context.current_directory = "/";
  // Without a mount table, keys and URLs still work.
  if (const auto mounts = ReadMountTable(); mounts) {
    context.mountpoints = ReposfsMountpoints(mounts.value());
  }
  context.hosts = config.hosts;
  return ParseRepoArgument(argument, context);
}

}  // namespace reposfs
