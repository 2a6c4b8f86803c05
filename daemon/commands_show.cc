#include "daemon/commands_show.h"

#include <algorithm>
#include <functional>
#include <thread>
#include <vector>

#include "base/text.h"
#include "daemon/control_client.h"
#include "daemon/json_fields.h"
#include "daemon/status_text.h"

namespace reposfs {
namespace {

using nlohmann::json;

using Renderer = std::string (*)(const json&, WallTime, const Terminal&);

int GetAndShow(const CommandContext& context, const std::string& target, Renderer render) {
  const auto answer = ControlClient(context.config.cache.directory).Get(target);
  if (!answer) return Fail(answer.error());
  if (context.format == OutputFormat::kJson) {
    PrintJson(answer.value());
  } else {
    WriteOut(render(answer.value(), SystemClock().Now(), context.terminal));
  }
  return kExitDone;
}

// The `count` repositories opened last; RFC 3339 times in UTC sort as text.
json OpenedLast(const json& repositories, std::size_t count) {
  std::vector<json> sorted(repositories.begin(), repositories.end());
  std::sort(sorted.begin(), sorted.end(), [](const json& a, const json& b) {
    return TextField(a, "lastOpened") > TextField(b, "lastOpened");
  });
  sorted.resize(std::min(sorted.size(), count));
  return json(sorted);
}

// The first lines of `text` that fit on the terminal, each cut at its width.
std::string FitOnScreen(const std::string& text, const Terminal& terminal) {
  std::string fitted;
  std::size_t rows = 1;
  for (const std::string_view line : Split(text, '\n')) {
    if (rows++ >= terminal.row_count) break;
    // Colours are invisible bytes: such a line is left to the terminal to wrap.
    const bool plain = line.find('\x1b') == std::string_view::npos;
    fitted += plain ? line.substr(0, terminal.column_count) : line;
    fitted += "\x1b[K\n";
  }
  return fitted;
}

Result<std::string> RenderTop(ControlClient& client, const Terminal& terminal) {
  auto status = client.Get("/v1/status");
  if (!status) return std::move(status).error();
  auto repositories = client.Get("/v1/repos");
  if (!repositories) return std::move(repositories).error();
  const WallTime now = SystemClock().Now();
  return RenderStatus(*status, now, terminal) + "\n" +
         RenderRepositories(OpenedLast(*repositories, terminal.row_count), now, terminal);
}

}  // namespace

int RunStatus(const CommandContext& context) {
  return GetAndShow(context, "/v1/status", &RenderStatus);
}

int RunList(const CommandContext& context) {
  return GetAndShow(context, "/v1/repos", &RenderRepositories);
}

int RunShow(const CommandContext& context, const std::string& repo_argument) {
  const auto key = ResolveRepo(repo_argument, context.config);
  if (!key) return Fail(key.error());
  return GetAndShow(context, RepoTarget(key.value()), &RenderRepository);
}

int RunTop(const CommandContext& context) {
  if (context.format == OutputFormat::kJson) return RunStatus(context);
  ControlClient client(context.config.cache.directory);
  while (true) {
    // Asked anew each time: the window may have been resized.
    const Terminal terminal = Terminal::OfStandardOutput();
    const auto text = RenderTop(client, terminal);
    if (!text) return Fail(text.error());
    if (!terminal.is_terminal) {
      WriteOut(text.value());
      return kExitDone;
    }
    WriteOut("\x1b[H" + FitOnScreen(text.value(), terminal) + "\x1b[J");
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace reposfs
