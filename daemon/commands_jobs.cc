#include "daemon/commands_jobs.h"

#include "daemon/control_client.h"
#include "daemon/json_fields.h"
#include "daemon/repo_argument.h"
#include "daemon/status_text.h"

namespace reposfs {
namespace {

using nlohmann::json;

Status ChangeAll(ControlClient& client, const std::vector<std::int64_t>& ids,
                 const std::string& action) {
  for (const std::int64_t id : ids) {
    const std::string target = "/v1/jobs/" + std::to_string(id) + "/" + action;
    if (auto changed = client.Post(target, json::object()); !changed) {
      return std::move(changed).error();
    }
  }
  return {};
}

}  // namespace

int RunJobs(const CommandContext& context, const JobsArguments& arguments) {
  std::string key;
  if (!arguments.repo.empty()) {
    const auto resolved = ResolveRepo(arguments.repo, context.config);
    if (!resolved) return Fail(resolved.error());
    key = *resolved;
  }
  ControlClient client(context.config.cache.directory);
  if (auto done = ChangeAll(client, arguments.retry, "retry"); !done) return Fail(done.error());
  if (auto done = ChangeAll(client, arguments.cancel, "cancel"); !done) return Fail(done.error());
  const auto all = client.Get("/v1/jobs");
  if (!all) return Fail(all.error());
  json shown = json::array();
  for (const json& job : *all) {
    const auto matches = [&](const char* field, const std::string& wanted) {
      return wanted.empty() || TextField(job, field) == wanted;
    };
    if (matches("kind", arguments.kind) && matches("state", arguments.state) &&
        matches("key", key)) {
      shown.push_back(job);
    }
  }
  if (context.format == OutputFormat::kJson) {
    PrintJson(shown);
  } else {
    WriteOut(RenderJobs(shown, SystemClock().Now(), context.terminal));
  }
  return kExitDone;
}

}  // namespace reposfs
