#include "daemon/status_text.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "daemon/human_text.h"
#include "daemon/json_fields.h"
#include "daemon/text_table.h"

namespace reposfs {
namespace {

using nlohmann::json;
using Align = TextTable::Align;

constexpr std::size_t kCommitColumns = 12;

// "label          value", or nothing if there is no value.
std::string Line(const std::string& label, const std::string& value) {
  constexpr std::size_t kLabelColumns = 15;
  if (value.empty()) return "";
  return label + std::string(kLabelColumns - std::min(kLabelColumns, label.size()), ' ') +
         Printable(value) + "\n";
}

std::string UsageText(const json& status) {
  const std::uint64_t used = NumberField(status, "usedBytes");
  const std::uint64_t quota = NumberField(status, "quotaBytes");
  std::string text = HumanBytes(used) + " of " + HumanBytes(quota);
  if (quota > 0) {
    const double percent = 100.0 * static_cast<double>(used) / static_cast<double>(quota);
    text += " (" + std::to_string(static_cast<int>(percent)) + "%)";
  }
  return text;
}

std::string ObjectsText(const json& progress) {
  const std::uint64_t total = NumberField(progress, "objectsTotal");
  const std::string objects = std::to_string(NumberField(progress, "objects"));
  return total == 0 ? objects : objects + "/" + std::to_string(total);
}

// "7.38 ASYNC_READ ..."
std::string KernelText(const json& status) {
  if (!status.is_object() || !status.contains("fuse")) return "";
  const json& fuse = status["fuse"];
  std::string text = TextField(fuse, "protocol");
  for (const json& feature : ArrayField(fuse, "features")) {
    if (feature.is_string()) text += " " + feature.get<std::string>();
  }
  return text;
}

std::string RenderFetching(const json& fetching, WallTime now, const Terminal& terminal) {
  if (fetching.empty()) return "";
  TextTable table({{"FETCHING"},
                   {"KIND"},
                   {"RECEIVED", Align::kRight},
                   {"OBJECTS", Align::kRight},
                   {"STARTED"},
                   {"TRY", Align::kRight}});
  for (const json& item : fetching) {
    table.AddRow({TextField(item, "key"), TextField(item, "kind"),
                  HumanBytes(NumberField(item, "receivedBytes")), ObjectsText(item),
                  AgeField(item, "startedAt", now), std::to_string(NumberField(item, "attempts"))});
  }
  return "\n" + table.Render(terminal);
}

std::string RenderProblems(const json& problems, WallTime now, const Terminal& terminal) {
  if (problems.empty()) return "";
  TextTable table({{"PROBLEM"}, {"SINCE"}, {"WHY"}});
  for (const json& item : problems) {
    std::string about;
    for (const char* field : {"key", "host", "place", "directory", "jobs"}) {
      about += TextField(item, field);
    }
    const std::string advice = TextField(item, "advice");
    table.AddRow({{about, Colour::kRed},
                  AgeField(item, "at", now),
                  TextField(item, "error") + (advice.empty() ? "" : " (" + advice + ")")});
  }
  return "\n" + table.Render(terminal);
}

std::string RenderEvictions(const json& evictions, WallTime now, const Terminal& terminal) {
  if (evictions.empty()) return "";
  TextTable table({{"EVICTED"}, {"SIZE", Align::kRight}, {"REASON"}, {"FOR"}});
  for (const json& item : evictions) {
    table.AddRow({AgeField(item, "at", now), HumanBytes(NumberField(item, "bytes")),
                  TextField(item, "reason"), TextField(item, "for")});
  }
  return "\n" + table.Render(terminal);
}

std::string NextCheckText(const json& repository, WallTime now) {
  const std::string reason = TextField(repository, "nextCheckReason");
  const bool due = !TextField(repository, "nextCheck").empty();
  const std::string when = due ? AgeField(repository, "nextCheck", now) : "when somebody asks";
  return when + (reason.empty() ? "" : " (" + reason + ")");
}

}  // namespace

std::string RenderStatus(const json& status, WallTime now, const Terminal& terminal) {
  const auto uptime = std::chrono::seconds(NumberField(status, "uptimeSeconds"));
  const std::string process = "reposfs " + TextField(status, "version") + ", pid " +
                              std::to_string(NumberField(status, "pid")) + ", up " +
                              HumanDuration(uptime);
  const std::string listen = TextField(status, "httpListen");
  const std::string file = TextField(status, "configFile");
  return Line("mounted at", TextField(status, "mountpoint")) + Line("daemon", process) +
         Line("cache", TextField(status, "cacheDirectory")) + Line("used", UsageText(status)) +
         Line("insights", HumanBytes(NumberField(status, "insightsBytes")) + ", beside the quota") +
         Line("repositories", std::to_string(NumberField(status, "repositories"))) +
         Line("configuration", file.empty() ? "built-in" : file) +
         Line("http", listen.empty() ? "off" : "http://" + listen) +
         Line("i/o", TextField(status, "ioEngine")) +
         Line("nodes", std::to_string(NumberField(status, "nodes"))) +
         Line("requests", std::to_string(NumberField(status, "parkedRequests")) + " waiting") +
         Line("FUSE", KernelText(status)) +
         RenderFetching(ArrayField(status, "fetching"), now, terminal) +
         RenderProblems(ArrayField(status, "problems"), now, terminal);
}

std::string RenderRepositories(const json& repositories, WallTime now, const Terminal& terminal) {
  std::vector<const json*> sorted;
  for (const json& repository : repositories) sorted.push_back(&repository);
  std::sort(sorted.begin(), sorted.end(), [](const json* a, const json* b) {
    return TextField(*a, "key") < TextField(*b, "key");
  });
  TextTable table({{"REPOSITORY"},
                   {"STAGE"},
                   {"SIZE", Align::kRight},
                   {"OPENED"},
                   {"OPENS", Align::kRight},
                   {"CHECKED"},
                   {"NOTE"}});
  for (const json* repository : sorted) {
    const std::string error = TextField(*repository, "error");
    const bool pinned = FlagField(*repository, "pinned");
    const TextTable::Cell note = error.empty() ? TextTable::Cell(pinned ? "pinned" : "")
                                               : TextTable::Cell(error, Colour::kRed);
    table.AddRow({TextField(*repository, "key"), TextField(*repository, "stage"),
                  HumanBytes(NumberField(*repository, "bytes")),
                  AgeField(*repository, "lastOpened", now),
                  std::to_string(NumberField(*repository, "opens")),
                  AgeField(*repository, "lastChecked", now), note});
  }
  if (table.empty()) return "no repository is cached yet\n";
  return table.Render(terminal);
}

std::string RenderRepository(const json& repository, WallTime now, const Terminal& terminal) {
  const std::string error = TextField(repository, "error");
  std::string text =
      Line("repository", TextField(repository, "key")) +
      Line("path", TextField(repository, "path")) +
      Line("upstream", TextField(repository, "upstream")) +
      Line("stage", TextField(repository, "stage")) +
      Line("size", HumanBytes(NumberField(repository, "bytes"))) +
      Line("head", TextField(repository, "head").substr(0, kCommitColumns)) +
      Line("branch", TextField(repository, "defaultBranch")) +
      Line("opened", AgeField(repository, "lastOpened", now) + ", " +
                         std::to_string(NumberField(repository, "opens")) + " times") +
      Line("checked", AgeField(repository, "lastChecked", now)) +
      Line("changed", AgeField(repository, "lastChanged", now)) +
      Line("next check", NextCheckText(repository, now)) +
      Line("pinned", FlagField(repository, "pinned") ? "yes" : "no");
  if (!error.empty()) {
    text += Coloured(terminal, Colour::kRed,
                     Line("error", error + " (" + AgeField(repository, "errorAt", now) + ")"));
  }
  if (repository.is_object() && repository.contains("progress") &&
      repository["progress"].is_object()) {
    const json& progress = repository["progress"];
    text += Line("fetching", TextField(progress, "kind") + ", " +
                                 HumanBytes(NumberField(progress, "receivedBytes")) + ", " +
                                 ObjectsText(progress) + " objects");
  }
  const json& jobs = ArrayField(repository, "jobs");
  if (!jobs.empty()) text += "\n" + RenderJobs(jobs, now, terminal);
  return text + RenderEvictions(ArrayField(repository, "evictions"), now, terminal);
}

std::string RenderJobs(const json& jobs, WallTime now, const Terminal& terminal) {
  TextTable table({{"JOB", Align::kRight},
                   {"REPOSITORY"},
                   {"KIND"},
                   {"STATE"},
                   {"PRIORITY", Align::kRight},
                   {"TRY", Align::kRight},
                   {"NOT BEFORE"},
                   {"LAST ERROR"}});
  for (const json& job : jobs) {
    const std::string not_before = AgeField(job, "notBefore", now);
    const std::string priority =
        job.contains("priority") && job["priority"].is_number() ? job["priority"].dump() : "";
    table.AddRow({std::to_string(NumberField(job, "id")), TextField(job, "key"),
                  TextField(job, "kind"), TextField(job, "state"), priority,
                  std::to_string(NumberField(job, "attempts")),
                  not_before == "never" ? "" : not_before, TextField(job, "lastError")});
  }
  if (table.empty()) return "nothing to do\n";
  return table.Render(terminal);
}

}  // namespace reposfs
