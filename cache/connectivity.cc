#include "cache/connectivity.h"

#include <string>
#include <utility>

#include "cache/git_command.h"

namespace reposfs {

Status CheckConnectivity(const std::filesystem::path& staging, const std::vector<Oid>& wants,
                         StoreIs store, const FetchOptions& limits,
                         const std::function<Status()>& keep_going) {
  std::vector<std::string> arguments = {"--git-dir=" + staging.string(), "rev-list", "--objects",
                                        "--quiet", "--stdin"};
  // Every ref of a staging names a commit whose tree the store has.  What lies behind a commit that
  // was shallow is what came now, so there the walk must not end.
  if (store == StoreIs::kWhole) arguments.insert(arguments.end(), {"--not", "--all"});
  ProcessOptions options = GitCommand(std::move(arguments), limits, nullptr);
  for (const Oid& want : wants) options.input += want.Hex() + "\n";
  options.supervise = keep_going;
  auto result = RunProcess(options);
  if (!result) return std::move(result).error();
  if (result->ok()) return {};
  const std::string& said = result->errors;
  return Error{Errc::kCorrupt, "the server left objects out: " + said.substr(0, said.find('\n'))};
}

}  // namespace reposfs
