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
// Before the commands lose their patience, after a minute.
constexpr std::chrono::seconds kHostWaitMax(50);

Error NotInCache(const RepositoryKey& key) {
  return {Errc::kNotFound, key.Text() + " is not in the cache"};
}

Error StillWaiting(const RepositoryKey& key) {
  return {Errc::kTimedOut,
          key.host + " has not answered yet, and is asked on; see: reposfs show " + key.Text()};
}

}  // namespace

void RepositoryResources::AddTo(Router& router) {
  using Key = RepositoryKey;
  using Reply = HttpServer::Reply;
  const auto add = [&](const char* method, const char* rest, ControlAccess needed, auto answer) {
    router.Add(method, std::string("/v1/repos/{host}/{owner}/{name}") + rest, needed,
               [this, answer](const RoutedRequest& call, const Reply& reply) {
                 const auto key = KeyOfParts(cache_, call.parts);
                 if (!key) return reply(Failure(key.error()));
                 answer(*key, call.request.body, reply);
               });
  };
  const auto look = [&](const char* rest, auto answer) {
    add("GET", rest, ControlAccess::kReadOnly,
        [answer](const Key& key, const auto&, const Reply& reply) { reply(answer(key)); });
  };
  const auto change = [&](const char* rest, auto answer) {
    add("POST", rest, ControlAccess::kFull, answer);
  };
  router.AddSimple("GET", "/v1/repos", ControlAccess::kReadOnly,
                   [this](const RoutedRequest&) { return List(); });
  look("", [this](const Key& key) { return Show(key); });
  look("/insights", [this](const Key& key) { return Insights(key, InsightsForm::kJson); });
  look("/insights.html", [this](const Key& key) { return Insights(key, InsightsForm::kPage); });
  change("/warm", [this](const Key& key, const std::string& body, const Reply& reply) {
    reply(Warm(key, body));
  });
  change("/refresh",
         [this](const Key& key, const auto&, const Reply& reply) { Refresh(key, reply); });
  change("/pin", [this](const Key& key, const auto&, const Reply& reply) { Pin(key, reply); });
  change("/unpin",
         [this](const Key& key, const auto&, const Reply& reply) { reply(SetPinned(key, false)); });
  change("/evict", [this](const Key& key, const auto&, const Reply& reply) { reply(Evict(key)); });
}

Result<RepositoryKey> KeyOfParts(const RepositoryCache& cache,
                                 const std::vector<std::string>& parts) {
  std::string host = AsciiLower(parts[0]);
  std::string owner = parts[1];
  std::string name = parts[2];
  const auto options = cache.origin().HostOf(host);
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

HttpResponse RepositoryResources::Insights(const RepositoryKey& key, InsightsForm form) {
  const auto target = cache_.DefaultView(key);
  const InsightsDocumentPtr document = target ? cache_.InsightsOf(*target) : nullptr;
  if (!document) {
    return Failure({Errc::kNotFound, key.Text() + ": no insights yet; they are computed when its "
                                                  "files are here, and again with its history"});
  }
  if (form == InsightsForm::kJson) return {200, "application/json", document->json};
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

void RepositoryResources::AnswerWhenLanded(const RepositoryKey& key, const FlightPtr& flight,
                                           const HttpServer::Reply& reply,
                                           std::function<HttpResponse()> then) {
  waiting_.Wait(flight, std::chrono::steady_clock::now() + kHostWaitMax,
                [key, reply, then = std::move(then)](const std::optional<Status>& landed) {
                  if (!landed) return reply(Failure(StillWaiting(key)));
                  reply(*landed ? then() : Failure(landed->error()));
                });
}

void RepositoryResources::Refresh(const RepositoryKey& key, const HttpServer::Reply& reply) {
  const RepositoryPtr repository = cache_.Find(key);
  if (!repository) return reply(Failure(NotInCache(key)));
  AnswerWhenLanded(key, cache_.Refresh(repository), reply,
                   [this, repository] { return Answer(RepositoryJson(cache_, *repository)); });
}

void RepositoryResources::Pin(const RepositoryKey& key, const HttpServer::Reply& reply) {
  if (cache_.Find(key)) return reply(SetPinned(key, true));
  // To pin is to want it here.
  AnswerWhenLanded(key, cache_.Warm(key, Stage::kTip), reply,
                   [this, key] { return SetPinned(key, true); });
}

HttpResponse RepositoryResources::SetPinned(const RepositoryKey& key, bool pinned) {
  const RepositoryPtr repository = cache_.Find(key);
  if (!repository) return Failure(NotInCache(key));
  if (auto set = cache_.SetPinned(repository, pinned); !set) return Failure(set.error());
  return Answer(RepositoryJson(cache_, *repository));
}

HttpResponse RepositoryResources::Evict(const RepositoryKey& key) {
  const RepositoryPtr repository = cache_.Find(key);
  if (!repository) return Failure(NotInCache(key));
  if (auto evicted = cache_.Evict(repository, "asked for", ""); !evicted) {
    return Failure(evicted.error());
  }
  return Answer(RepositoryJson(cache_, *repository));
}

}  // namespace reposfs
