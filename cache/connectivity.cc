#include "cache/connectivity.h"

#include <string>
#include <utility>

#include "cache/git_command.h"

namespace reposfs {

Status CheckConnectivity(const std::filesystem::path& staging, const std::vector<Oid>& wants,
                         const FetchOptions& limits, const std::function<Status()>& keep_going) {
  // Every ref of a staging names a commit that the store has whole.
  ProcessOptions options = GitCommand({"--git-dir=" + staging.string(), "rev-list", "--objects",
                                       "--stdin", "--not", "--all", "--quiet"},
                                      limits, nullptr);
  for (const Oid& want : wants) options.input += want.Hex() + "\n";
  options.supervise = keep_going;
  auto result = RunProcess(options);
  if (!result) return std::move(result).error();
  if (result->ok()) return {};
  const std::string& said = result->errors;
  return Error{Errc::kCorrupt, "the server left objects out: " + said.substr(0, said.find('\n'))};
}

}  // namespace reposfs
