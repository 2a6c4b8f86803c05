#include "daemon/repository_resources.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "daemon/control_json.h"
#include "daemon/http_answer.h"

namespace reposfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kWarmingCountMax = 10'000;
constexpr char kOne[] = "/v1/repos/{host}/{owner}/{name}";

}  // namespace

void RepositoryResources::AddTo(Router& router) {
  const auto of_key = [this](auto answer) {
    return [this, answer](const RoutedRequest& call) {
      const auto key = KeyOf(call.parts);
      return key ? answer(*key, call) : Failure(key.error());
    };
  };
  const std::string one = kOne;
  router.AddSimple("GET", "/v1/repos", ControlAccess::kReadOnly,
                   [this](const RoutedRequest&) { return List(); });
  router.AddSimple("GET", one, ControlAccess::kReadOnly,
                   of_key([this](const auto& key, const RoutedRequest&) { return Show(key); }));
  for (const std::string what : {"insights", "insights.html"}) {
    router.AddSimple("GET", one + "/" + what, ControlAccess::kReadOnly,
                     of_key([this, what](const auto& key, const RoutedRequest&) {
                       return Insights(key, what);
                     }));
  }
  router.AddSimple("POST", one + "/warm", ControlAccess::kFull,
                   of_key([this](const auto& key, const RoutedRequest& call) {
                     return Warm(key, call.request.body);
                   }));
  for (const std::string action : {"refresh", "pin", "unpin", "evict"}) {
    router.AddSimple("POST", one + "/" + action, ControlAccess::kFull,
                     of_key([this, action](const auto& key, const RoutedRequest&) {
                       return Change(key, action);
                     }));
  }
}

Result<RepositoryKey> RepositoryResources::KeyOf(const std::vector<std::string>& parts) const {
  std::string host = AsciiLower(parts[0]);
  std::string owner = parts[1];
  std::string name = parts[2];
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

HttpResponse RepositoryResources::List() const {
  Json repositories = Json::array();
  for (const RepositoryPtr& repository : cache_.Repositories()) {
    repositories.push_back(RepositoryJson(cache_, *repository));
  }
  return Answer(repositories);
}

HttpResponse RepositoryResources::Show(const RepositoryKey& key) {
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
  Json shown = repository ? RepositoryJson(cache_, *repository)
                          : Json{{"key", key.Text()}, {"stage", "absent"}, {"error", nullptr}};
  shown["path"] = mountpoint_ + "/" + key.Text();
  shown["jobs"] = JobsJson(cache_, key.Text());
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
  shown["evictions"] = EvictionsJson(cache_, key.Text());
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

HttpResponse RepositoryResources::Insights(const RepositoryKey& key, const std::string& what) {
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

HttpResponse RepositoryResources::Warm(const RepositoryKey& key, const std::string& body) {
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

HttpResponse RepositoryResources::Change(const RepositoryKey& key, const std::string& action) {
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
  return Answer(RepositoryJson(cache_, *repository));
}

}  // namespace reposfs
