#include "daemon/commands_warm.h"

#include <algorithm>
#include <thread>

#include "base/text.h"
#include "daemon/control_client.h"
#include "daemon/json_fields.h"
#include "daemon/progress_bar.h"
#include "daemon/warm_tracker.h"

namespace reposfs {
namespace {

using nlohmann::json;
using State = WarmTracker::State;

constexpr auto kPollInterval = std::chrono::milliseconds(200);
constexpr auto kPlainLineInterval = std::chrono::seconds(5);

// Starts the warming of one repository.
WarmTracker Start(ControlClient& client, const CommandContext& context,
                  const std::string& repo_argument, const std::string& stage) {
  const auto key = ResolveRepo(repo_argument, context.config);
  if (!key) {
    WarmTracker tracker(repo_argument, stage, json());
    tracker.Fail(key.error());
    return tracker;
  }
  const auto before = client.Get(RepoTarget(key.value()));
  const auto answer = client.Post(RepoTarget(key.value(), "/warm"), {{"stage", stage}});
  // The daemon knows best how far it can get: `history: none` ends before `complete`.
  const std::string target = answer ? TextField(*answer, "target") : "";
  WarmTracker tracker(key.value(), target.empty() ? stage : target, before ? *before : json());
  if (!answer) tracker.Fail(answer.error().Within(key.value()));
  return tracker;
}

// Asks the daemon about all that are not finished.  Whether any still is not.
bool Poll(ControlClient& client, std::vector<WarmTracker>& trackers) {
  bool waiting = false;
  for (WarmTracker& tracker : trackers) {
    if (tracker.state() != State::kWaiting) continue;
    const auto answer = client.Get(RepoTarget(tracker.key()));
    if (answer) {
      tracker.Observe(*answer, WarmTracker::Clock::now());
    } else {
      tracker.Fail(answer.error().Within(tracker.key()));
    }
    waiting = waiting || tracker.state() == State::kWaiting;
  }
  return waiting;
}

// Draws all bars over those drawn before, unless these are the first.
void DrawBars(const std::vector<WarmTracker>& trackers, bool first) {
  const Terminal terminal = Terminal::OfStandardOutput();
  // More bars than rows could not be drawn over: the first ones scroll away.
  const std::size_t count =
      std::min(trackers.size(), std::max<std::size_t>(2, terminal.row_count) - 1);
  std::string text = first ? "" : "\x1b[" + std::to_string(count) + "A";
  for (std::size_t i = trackers.size() - count; i < trackers.size(); ++i) {
    text += "\r" + RenderProgressBar(trackers[i].progress(), terminal.column_count) + "\x1b[K\n";
  }
  WriteOut(text);
}

void PrintLines(const std::vector<WarmTracker>& trackers) {
  for (const WarmTracker& tracker : trackers) {
    if (tracker.state() != State::kWaiting) continue;
    WriteOut(RenderProgressLine(tracker.progress()) + "\n");
  }
}

void WaitForAll(ControlClient& client, const CommandContext& context,
                std::vector<WarmTracker>& trackers) {
  const bool quiet = context.format == OutputFormat::kJson;
  const bool bars = context.terminal.is_terminal && !quiet;
  auto next_line = WarmTracker::Clock::now() + kPlainLineInterval;
  if (bars) DrawBars(trackers, /*first=*/true);
  while (Poll(client, trackers)) {
    if (bars) DrawBars(trackers, /*first=*/false);
    if (!bars && !quiet && WarmTracker::Clock::now() >= next_line) {
      PrintLines(trackers);
      next_line += kPlainLineInterval;
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  if (bars) DrawBars(trackers, /*first=*/false);
}

json ResultOf(const WarmTracker& tracker) {
  if (tracker.state() == State::kFailed) {
    return {{"key", tracker.key()},
            {"error", tracker.error().message},
            {"code", ErrcName(tracker.error().code)}};
  }
  if (tracker.last_answer().is_object()) return tracker.last_answer();
  return {{"key", tracker.key()}};
}

// What is left to say at the end about one repository.
void PrintOutcome(const WarmTracker& tracker, const CommandContext& context) {
  const std::string key = Printable(tracker.key());
  switch (tracker.state()) {
    case State::kFailed: {
      const bool named = tracker.error().message.starts_with(tracker.key());
      Fail(named ? tracker.error() : tracker.error().Within(tracker.key()));
      return;
    }
    case State::kDone:
      // On a terminal the bar has said so.
      if (context.terminal.is_terminal) return;
      return WriteOut(key + ": " + Printable(TextField(tracker.last_answer(), "stage")) + "\n");
    case State::kWaiting:
      return WriteOut("warming " + key + "\n");
  }
}

}  // namespace

int RunWarm(const CommandContext& context, const WarmArguments& arguments) {
  ControlClient client(context.config.cache.directory);
  // Said once, not for each repository.
  if (const auto daemon = client.Get("/v1/status"); !daemon) return Fail(daemon.error());
  std::vector<WarmTracker> trackers;
  for (const std::string& repo : arguments.repos) {
    trackers.push_back(Start(client, context, repo, arguments.stage));
  }
  if (arguments.wait.value_or(context.terminal.is_terminal)) {
    WaitForAll(client, context, trackers);
  }

  json results = json::array();
  int exit_status = kExitDone;
  for (const WarmTracker& tracker : trackers) {
    if (tracker.state() == State::kFailed) exit_status = kExitFailed;
    const bool silent = context.format == OutputFormat::kJson && tracker.state() != State::kFailed;
    if (!silent) PrintOutcome(tracker, context);
    results.push_back(ResultOf(tracker));
  }
  if (context.format == OutputFormat::kJson) PrintJson(results);
  return exit_status;
}

}  // namespace reposfs
