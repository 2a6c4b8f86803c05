#include "daemon/control_api.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "daemon/bake.h"
#include "daemon/http_answer.h"

namespace reposfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kEvictionCountShown = 100;
constexpr std::size_t kWarmingCountMax = 10'000;

Json TimeJson(WallTime time) {
  return time == WallTime{} ? Json(nullptr) : Json(ToIso8601(time));
}

Json TextOrNull(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json ProgressJson(const ActiveTransfer& transfer) {
  return {{"kind", JobKindName(transfer.kind)},
          {"receivedBytes", transfer.progress.received_bytes},
          {"objects", transfer.progress.object_count},
          {"objectsTotal", transfer.progress.object_count_total}};
}

}  // namespace

ControlApi::ControlApi(RepositoryCache& cache, Facts facts)
    : cache_(cache), facts_(std::move(facts)), started_at_(cache.clock().Now()) {}

void ControlApi::SetHttpAddress(std::string address) {
  MutexLock lock(mutex_);
  http_address_ = std::move(address);
}

void ControlApi::Handle(const HttpRequest& request, ControlAccess access,
                        const HttpServer::Reply& reply) {
  reply(AnswerTo(request, access));
}

HttpResponse ControlApi::AnswerTo(const HttpRequest& request, ControlAccess access) {
  std::vector<std::string> path;
  for (const std::string_view part : Split(request.path, '/')) {
    if (!part.empty()) path.push_back(PercentDecode(part));
  }
  if (request.method == "GET") return HandleGet(path);
  const bool bake = path.size() == 1 && path[0] == "bake";
  if (request.method == "POST" && bake) return HandleBake(cache_, facts_.hosts, request);
  if (request.method != "POST") {
    return Answer({{"error", "only GET and POST are understood"}, {"code", "unsupported"}}, 405);
  }
  if (access != ControlAccess::kFull) {
    return Failure({Errc::kAccessDenied, "changes are made over the control socket only"});
  }
  return HandlePost(path, request.body);
}

HttpResponse ControlApi::HandleGet(const std::vector<std::string>& path) {
  const std::string what = path.size() >= 2 && path[0] == "v1" ? path[1] : "";
  // Who answers lives; and nobody answers before the mount does.
  if (path.size() == 1 && (path[0] == "healthz" || path[0] == "readyz")) {
    return Answer({{"status", "ok"}, {"version", REPOSFS_VERSION}});
  }
  if (path.size() == 2 && what == "status") return Answer(StatusJson());
  if (path.size() == 2 && what == "jobs") return Answer(JobsJson(""));
  if (path.size() == 2 && what == "evictions") return Answer(EvictionsJson(""));
  if (path.size() == 2 && what == "repos") {
    Json repositories = Json::array();
    for (const RepositoryPtr& repository : cache_.Repositories()) {
      repositories.push_back(RepositoryJson(*repository));
    }
    return Answer(repositories);
  }
  if (path.size() == 5 && what == "repos") {
    auto key = KeyOf(path);
    return key ? Show(*key) : Failure(key.error());
  }
  const bool insights = path.size() == 6 && (path[5] == "insights" || path[5] == "insights.html");
  if (insights && what == "repos") {
    auto key = KeyOf(path);
    return key ? Insights(*key, path[5]) : Failure(key.error());
  }
  return Failure({Errc::kNotFound, "no such resource"});
}

HttpResponse ControlApi::ChangeJob(const std::string& id_text, const std::string& action) {
  std::int64_t id = 0;
  const auto parsed = std::from_chars(id_text.data(), id_text.data() + id_text.size(), id);
  if (parsed.ec != std::errc() || parsed.ptr != id_text.data() + id_text.size()) {
    return Failure({Errc::kInvalidArgument, Printable(id_text) + " is no number of a job"});
  }
  if (action != "retry" && action != "cancel") return Failure({Errc::kNotFound, "no such action"});
  const auto changed = action == "retry" ? cache_.RequeueJob(id) : cache_.CancelJob(id);
  if (!changed) return Failure(changed.error());
  if (!*changed) {
    return Failure({Errc::kNotFound, "job " + std::to_string(id) +
                                         " does not exist, or is running; see: reposfs jobs"});
  }
  return Answer({{"id", id}, {"state", action == "retry" ? "queued" : "cancelled"}});
}

HttpResponse ControlApi::HandlePost(const std::vector<std::string>& path, const std::string& body) {
  if (path.size() == 4 && path[0] == "v1" && path[1] == "jobs") return ChangeJob(path[2], path[3]);
  if (path.size() != 6 || path[0] != "v1" || path[1] != "repos") {
    return Failure({Errc::kNotFound, "no such resource"});
  }
  auto key = KeyOf(path);
  if (!key) return Failure(key.error());
  return path[5] == "warm" ? Warm(*key, body) : Change(*key, path[5]);
}

Result<RepositoryKey> ControlApi::KeyOf(const std::vector<std::string>& path) const {
  std::string host = AsciiLower(path[2]);
  std::string owner = path[3];
  std::string name = path[4];
  const auto options = cache_.origin().HostOf(host);
  if (!options) {
    return Error{Errc::kInvalidArgument,
                 "host " + Printable(host) + " is not configured; add it under hosts:"};
  }
  if (options->case_insensitive) {
    owner = AsciiLower(owner);
    name = AsciiLower(name);
  }
  return ParseRepositoryKey(host + "/" + owner + "/" + name);
}

HttpResponse ControlApi::Show(const RepositoryKey& key) {
  const RepositoryPtr repository = cache_.Find(key);
  std::optional<Warming> warming;
  {
    MutexLock lock(mutex_);
    const auto found = warmings_.find(key.Text());
    if (found != warmings_.end()) warming = found->second;
  }
  if (!repository && !warming) {
    return Failure(
        {Errc::kNotFound, key.Text() + " has not been asked for yet; ls it, or warm it"});
  }
  Json shown = repository ? RepositoryJson(*repository)
                          : Json{{"key", key.Text()}, {"stage", "absent"}, {"error", nullptr}};
  shown["path"] = facts_.mountpoint + "/" + key.Text();
  shown["jobs"] = JobsJson(key.Text());
  if (warming && !warming->flight->landed() && shown["jobs"].empty()) {
    shown["jobs"].push_back({{"id", 0}, {"kind", "clone"}, {"state", "running"}});
  }
  if (warming && warming->error) {
    shown["error"] = Printable(warming->error->message);
    shown["errorAt"] = TimeJson(warming->failed_at);
  }
  shown["progress"] = nullptr;
  for (const ActiveTransfer& transfer : cache_.ActiveTransfers()) {
    if (transfer.key == key.Text()) shown["progress"] = ProgressJson(transfer);
  }
  shown["evictions"] = EvictionsJson(key.Text());
  if (!repository) return Answer(shown);

  const RepositoryRecord record = repository->record();
  const RefSnapshotPtr refs = repository->refs();
  shown["defaultBranch"] = refs ? TextOrNull(refs->head_branch()) : Json(nullptr);
  const CheckSchedule schedule = cache_.NextCheck(*repository);
  shown["nextCheck"] = schedule.due ? TimeJson(*schedule.due) : Json(nullptr);
  shown["nextCheckReason"] = schedule.reason;
  const auto age =
      std::chrono::duration_cast<std::chrono::seconds>(cache_.clock().Now() - record.last_checked);
  shown["staleSeconds"] = record.last_checked == WallTime{} ? Json(nullptr) : Json(age.count());
  if (!shown.contains("errorAt")) {
    shown["errorAt"] = record.error.empty() ? Json(nullptr) : TimeJson(record.error_at);
  }
  return Answer(shown);
}

HttpResponse ControlApi::Insights(const RepositoryKey& key, const std::string& what) {
  const RepositoryPtr repository = cache_.Find(key);
  const RefSnapshotPtr refs = repository ? repository->refs() : nullptr;
  const InsightsDocumentPtr document =
      refs ? cache_.InsightsOf(Target{repository, ResolvedRef{"", refs->head(), refs->head()}})
           : nullptr;
  if (!document) {
    return Failure({Errc::kNotFound, key.Text() + ": no insights yet; they are computed when its "
                                                  "files are here, and again with its history"});
  }
  if (what == "insights") return {200, "application/json", document->json};
  return {200, "text/html; charset=utf-8", document->html};
}

HttpResponse ControlApi::Warm(const RepositoryKey& key, const std::string& body) {
  const Json asked = Json::parse(body, nullptr, false);
  if (!asked.is_object() || !asked.contains("stage") || !asked["stage"].is_string()) {
    return Failure({Errc::kInvalidArgument, "the body must be {\"stage\": \"tip\", ...}"});
  }
  auto stage = ParseStage(asked["stage"].get<std::string>());
  if (!stage) return Failure(stage.error());
  const FlightPtr flight = cache_.Warm(key, *stage);
  {
    MutexLock lock(mutex_);
    if (warmings_.size() >= kWarmingCountMax) warmings_.clear();
    warmings_[key.Text()] = Warming{flight, {}, std::nullopt};
  }
  flight->Then([this, key, flight](const Status& status) {
    MutexLock lock(mutex_);
    const auto found = warmings_.find(key.Text());
    if (found == warmings_.end() || found->second.flight != flight) return;
    if (status) {
      warmings_.erase(found);
      return;
    }
    found->second.error = status.error();
    found->second.failed_at = cache_.clock().Now();
  });
  const RepositoryPtr repository = cache_.Find(key);
  return Answer({{"key", key.Text()},
                 {"stage", StageName(repository ? repository->stage() : Stage::kAbsent)},
                 {"target", StageName(*stage)}},
                202);
}

HttpResponse ControlApi::Change(const RepositoryKey& key, const std::string& action) {
  RepositoryPtr repository = cache_.Find(key);
  if (!repository && action == "pin") {
    // To pin is to want it here.
    auto found = cache_.Warm(key, Stage::kTip)->Wait();
    if (!found) return Failure(found.error());
    repository = cache_.Find(key);
  }
  if (!repository) {
    return Failure({Errc::kNotFound, key.Text() + " is not in the cache"});
  }
  Status changed;
  if (action == "refresh") {
    changed = cache_.Refresh(repository)->Wait();
  } else if (action == "pin" || action == "unpin") {
    changed = cache_.SetPinned(repository, action == "pin");
  } else if (action == "evict") {
    changed = cache_.Evict(repository, "asked for", "");
  } else {
    return Failure({Errc::kNotFound, "no such action"});
  }
  if (!changed) return Failure(changed.error());
  return Answer(RepositoryJson(*repository));
}

Json ControlApi::StatusJson() const {
  Json fetching = Json::array();
  for (const ActiveTransfer& transfer : cache_.ActiveTransfers()) {
    Json entry = ProgressJson(transfer);
    entry["key"] = transfer.key;
    entry["startedAt"] = TimeJson(transfer.started_at);
    entry["attempts"] = transfer.attempt_count;
    fetching.push_back(std::move(entry));
  }
  std::string http_address;
  {
    MutexLock lock(mutex_);
    http_address = http_address_;
  }
  const std::vector<RepositoryPtr> repositories = cache_.Repositories();
  const auto on_disk_count = std::count_if(
      repositories.begin(), repositories.end(),
      [](const RepositoryPtr& repository) { return repository->stage() != Stage::kAbsent; });
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(cache_.clock().Now() - started_at_);
  const KernelAgreement fuse = facts_.kernel_agreement();
  Json processes = Json::array();
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
          {"repositories", on_disk_count},
          {"httpListen", TextOrNull(http_address)},
          {"ioEngine", facts_.io_engine},
          {"nodes", facts_.node_count()},
          {"parkedRequests", facts_.parked_count()},
          {"fuse", {{"protocol", fuse.protocol}, {"features", fuse.features}}},
          {"processes", std::move(processes)},
          {"hosts", HostsJson()},
          {"fetching", std::move(fetching)},
          {"problems", ProblemsJson()}};
}

Json ControlApi::ProblemsJson() const {
  Json problems = Json::array();
  for (const RepositoryPtr& repository : cache_.Repositories()) {
    const RepositoryRecord record = repository->record();
    if (record.error.empty()) continue;
    problems.push_back({{"key", record.key},
                        {"error", record.error},
                        {"code", record.error_code},
                        {"at", TimeJson(record.error_at)}});
  }
  for (const auto& [host, state] : cache_.Hosts()) {
    if (state.held_for.count() == 0) continue;
    problems.push_back({{"host", host},
                        {"error", "left alone, as it asks: " + state.held_cause},
                        {"code", ErrcName(Errc::kUnreachable)},
                        {"at", nullptr}});
  }
  return problems;
}

Json ControlApi::HostsJson() const {
  Json hosts = Json::array();
  for (const auto& [host, state] : cache_.Hosts()) {
    const int left = std::max(state.starts_per_minute_max - state.starts_last_minute, 0);
    hosts.push_back(
        {{"host", host},
         {"running", state.running_count},
         {"queued", state.queued_count},
         {"heldSeconds", (state.held_for.count() + 999) / 1000},
         {"requestsLeft", state.starts_per_minute_max == 0 ? Json(nullptr) : Json(left)}});
  }
  return hosts;
}

Json ControlApi::RepositoryJson(const Repository& repository) const {
  const RepositoryRecord record = repository.record();
  return {{"key", record.key},
          {"upstream", record.upstream},
          {"stage", StageName(record.stage)},
          {"bytes", record.size_bytes},
          {"lastOpened", TimeJson(record.last_opened)},
          {"opens", record.open_count},
          {"pinned", cache_.IsPinned(repository)},
          {"head", TextOrNull(record.head)},
          {"lastChecked", TimeJson(record.last_checked)},
          {"lastChanged", TimeJson(record.last_changed)},
          {"error", TextOrNull(record.error)}};
}

Json ControlApi::JobsJson(const std::string& key) const {
  Json shown = Json::array();
  auto jobs = cache_.Jobs();
  if (!jobs) return shown;
  std::map<std::int64_t, std::string> keys;
  for (const RepositoryPtr& repository : cache_.Repositories()) {
    keys.emplace(repository->id(), repository->key().Text());
  }
  for (const Job& job : *jobs) {
    const std::string& of = keys[job.repository];
    if (!key.empty() && of != key) continue;
    shown.push_back({{"id", job.id},
                     {"key", of},
                     {"kind", JobKindName(job.kind)},
                     {"state", JobStateName(job.state)},
                     {"priority", job.priority},
                     {"attempts", job.attempts},
                     {"notBefore", TimeJson(job.not_before)},
                     {"owner", job.running() ? Json(job.owner) : Json(nullptr)},
                     {"lastError", TextOrNull(Printable(job.last_error))}});
  }
  return shown;
}

Json ControlApi::EvictionsJson(const std::string& key) const {
  Json shown = Json::array();
  auto evictions = cache_.Evictions(key, kEvictionCountShown);
  if (!evictions) return shown;
  for (const EvictionRecord& eviction : *evictions) {
    shown.push_back({{"at", TimeJson(eviction.at)},
                     {"key", eviction.key},
                     {"reason", Printable(eviction.reason)},
                     {"bytes", eviction.size_bytes},
                     {"for", TextOrNull(eviction.for_key)}});
  }
  return shown;
}

}  // namespace reposfs
