#include "daemon/daemon_status.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "daemon/control_json.h"

namespace reposfs {

using OrderedJson = nlohmann::ordered_json;

void DaemonStatus::SetHttpAddress(std::string address) {
  MutexLock lock(mutex_);
  http_address_ = std::move(address);
}

std::string DaemonStatus::http_address() const {
  MutexLock lock(mutex_);
  return http_address_;
}

OrderedJson DaemonStatus::Json() const {
  const std::vector<RepositoryPtr> repositories = cache_.Repositories();
  const auto on_disk_count = std::count_if(
      repositories.begin(), repositories.end(),
      [](const RepositoryPtr& repository) { return repository->stage() != Stage::kAbsent; });
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(cache_.clock().Now() - started_at_);
  const KernelAgreement fuse = facts_.kernel_agreement();
  OrderedJson processes = OrderedJson::array();
  for (const ProcessMark::Living& process : cache_.Processes()) {
    processes.push_back({{"name", process.name}, {"jobs", process.about}});
  }
  return {{"version", REPOSFS_VERSION},
          {"pid", getpid()},
          {"startedAt", TimeJson(started_at_)},
          {"uptimeSeconds", uptime.count()},
          {"mountpoint", facts_.mountpoint},
          {"cacheDirectory", cache_.options().cache.directory.string()},
          {"configFile", TextOrNull(facts_.config_file)},
          {"quotaBytes", cache_.quota_bytes()},
          {"usedBytes", cache_.used_bytes()},
          {"insightsBytes", cache_.insights_bytes()},
          {"repositories", on_disk_count},
          {"httpListen", TextOrNull(http_address())},
          {"ioEngine", facts_.io_engine},
          {"nodes", facts_.node_count()},
          {"parkedRequests", facts_.parked_count()},
          {"fuse", {{"protocol", fuse.protocol}, {"features", fuse.features}}},
          {"processes", std::move(processes)},
          {"hosts", HostsJson()},
          {"fetching", FetchingJson()},
          {"problems", ProblemsJson()}};
}

OrderedJson DaemonStatus::FetchingJson() const {
  OrderedJson fetching = OrderedJson::array();
  for (const ActiveTransfer& transfer : cache_.ActiveTransfers()) {
    OrderedJson entry = ProgressJson(transfer);
    entry["key"] = transfer.key;
    entry["startedAt"] = TimeJson(transfer.started_at);
    entry["attempts"] = transfer.attempt_count;
    fetching.push_back(std::move(entry));
  }
  return fetching;
}

OrderedJson DaemonStatus::ProblemsJson() const {
  constexpr std::array<const char*, 4> kAbout = {"key", "host", "directory", "jobs"};
  OrderedJson problems = OrderedJson::array();
  for (const Problem& problem : cache_.Problems()) {
    problems.push_back({{kAbout[static_cast<std::size_t>(problem.about)], problem.subject},
                        {"error", problem.error},
                        {"code", TextOrNull(problem.code)},
                        {"advice", problem.advice},
                        {"at", problem.since ? TimeJson(*problem.since) : OrderedJson(nullptr)}});
  }
  for (OrderedJson& problem : PinProblemsJson()) problems.push_back(std::move(problem));
  return problems;
}

OrderedJson DaemonStatus::PinProblemsJson() const {
  OrderedJson problems = OrderedJson::array();
  for (const PinProblem& problem : cache_.PinProblems()) {
    problems.push_back({{"place", problem.place},
                        {"error", Printable(problem.error.message)},
                        {"code", ErrcName(problem.error.code)},
                        {"advice", "mend that line; until then the last good list holds"},
                        {"at", TimeJson(problem.at)}});
  }
  for (const PinKeeper::Trouble& trouble : cache_.PinTroubles()) {
    const auto key = ParseRepositoryKey(trouble.key);
    const RepositoryPtr repository = key ? cache_.Find(*key) : nullptr;
    if (repository && !repository->record().error.empty()) continue;
    problems.push_back({{"key", trouble.key},
                        {"error", "pinned, but not here: " + Printable(trouble.error.message)},
                        {"code", ErrcName(trouble.error.code)},
                        {"advice", AdviceFor(trouble.error.code)},
                        {"at", TimeJson(trouble.at)}});
  }
  return problems;
}

OrderedJson DaemonStatus::HostsJson() const {
  OrderedJson hosts = OrderedJson::array();
  for (const auto& [host, state] : cache_.Hosts()) {
    hosts.push_back({{"host", host},
                     {"running", state.running_count},
                     {"queued", state.queued_count},
                     {"heldSeconds", (state.held_for.count() + 999) / 1000},
                     {"requestsLeft", state.requests_left ? OrderedJson(*state.requests_left)
                                                          : OrderedJson(nullptr)}});
  }
  return hosts;
}

}  // namespace reposfs
