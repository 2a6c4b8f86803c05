#include "daemon/commands_change.h"

#include "base/text.h"
#include "daemon/control_client.h"

namespace reposfs {
namespace {

using nlohmann::json;

std::string DoneText(const std::string& action) {
  if (action == "refresh") return "refreshed";
  if (action == "pin") return "pinned";
  if (action == "unpin") return "unpinned";
  return "evicted";
}

Result<json> Act(ControlClient& client, const CommandContext& context, const std::string& action,
                 const std::string& repo_argument) {
  const auto key = ResolveRepo(repo_argument, context.config);
  if (!key) return key.error();
  auto answer = client.Post(RepoTarget(key.value(), "/" + action), json::object());
  if (!answer) return answer.error().Within(key.value());
  if (context.format == OutputFormat::kHuman) {
    WriteOut(DoneText(action) + " " + Printable(key.value()) + "\n");
  }
  return answer;
}

}  // namespace

int RunAction(const CommandContext& context, const std::string& action,
              const std::vector<std::string>& repo_arguments) {
  ControlClient client(context.config.cache.directory);
  // Said once, not for each repository.
  if (const auto daemon = client.Get("/v1/status"); !daemon) return Fail(daemon.error());
  json results = json::array();
  int exit_status = kExitDone;
  for (const std::string& argument : repo_arguments) {
    auto result = Act(client, context, action, argument);
    if (result) {
      results.push_back(std::move(result).value());
      continue;
    }
    exit_status = Fail(result.error());
    results.push_back({{"repo", argument},
                       {"error", result.error().message},
                       {"code", ErrcName(result.error().code)}});
  }
  if (context.format == OutputFormat::kJson) PrintJson(results);
  return exit_status;
}

}  // namespace reposfs
