#include "daemon/commands_ring.h"

#include "daemon/control_client.h"
#include "daemon/json_fields.h"
#include "daemon/ring_text.h"

namespace reposfs {
namespace {

using nlohmann::json;
using Render = std::string (*)(const json& answer, WallTime now, const Terminal& terminal);

int Show(const CommandContext& context, const std::string& target, Render render) {
  ControlClient client(context.config.cache.directory);
  const auto answer = client.Get(target);
  if (!answer) return Fail(answer.error());
  if (context.format == OutputFormat::kJson) {
    PrintJson(*answer);
    return kExitDone;
  }
  if (!FlagField(*answer, "enabled")) {
    return Fail({Errc::kNotFound, "this machine is in no ring; see ring.enabled in `man reposfs`"});
  }
  WriteOut(render(*answer, SystemClock().Now(), context.terminal));
  return kExitDone;
}

}  // namespace

int RunRingNodes(const CommandContext& context) {
  return Show(context, "/v1/ring", RenderRing);
}

int RunRingLocate(const CommandContext& context, const std::string& repo) {
  const auto key = ResolveRepo(repo, context.config);
  if (!key) return Fail(key.error());
  constexpr std::string_view kRepos = "/v1/repos";
  return Show(context, "/v1/ring/owners" + RepoTarget(*key).substr(kRepos.size()), RenderOwners);
}

}  // namespace reposfs
