#include "daemon/commands_locks.h"

#include "daemon/control_client.h"
#include "daemon/human_text.h"
#include "daemon/text_table.h"

namespace reposfs {

using nlohmann::json;
using Align = TextTable::Align;

int RunLocks(const CommandContext& context) {
  ControlClient client(context.config.cache.directory);
  const auto locks = client.Get("/debug/locks");
  if (!locks) return Fail(locks.error());
  if (context.format == OutputFormat::kJson) {
    PrintJson(*locks);
  } else {
    WriteOut(RenderLocks(*locks, SystemClock().Now(), context.terminal));
  }
  return kExitDone;
}

std::string RenderLocks(const json& locks, WallTime now, const Terminal& terminal) {
  TextTable table({{"SCOPE"},
                   {"NAME"},
                   {"MODE"},
                   {"STATE"},
                   {"TOKEN", Align::kRight},
                   {"OWNER"},
                   {"SINCE"},
                   {"LEASE", Align::kRight}});
  for (const json& lock : locks) {
    const bool held = TextField(lock, "state") == "held";
    const bool known = lock.contains("leaseLeftMs") && lock["leaseLeftMs"].is_number();
    const std::chrono::milliseconds left(NumberField(lock, "leaseLeftMs"));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    table.AddRow({TextField(lock, "scope"), TextField(lock, "name"), TextField(lock, "mode"),
                  TextField(lock, "state"), std::to_string(NumberField(lock, "token")),
                  TextField(lock, "owner"), AgeField(lock, held ? "heldSince" : "askedAt", now),
                  known ? HumanDuration(seconds) : ""});
  }
  if (table.empty()) return "nobody holds a lock\n";
  return table.Render(terminal);
}

}  // namespace reposfs
