#include "daemon/control_api.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "daemon/bake.h"
#include "daemon/control_json.h"
#include "daemon/http_answer.h"
#include "daemon/openapi_document.h"

namespace reposfs {
namespace {

HttpResponse ChangeJob(RepositoryCache& cache, const std::string& id_text,
                       const std::string& action) {
  std::int64_t id = 0;
  const auto parsed = std::from_chars(id_text.data(), id_text.data() + id_text.size(), id);
  if (parsed.ec != std::errc() || parsed.ptr != id_text.data() + id_text.size()) {
    return Failure({Errc::kInvalidArgument, Printable(id_text) + " is no number of a job"});
  }
  const auto changed = action == "retry" ? cache.RequeueJob(id) : cache.CancelJob(id);
  if (!changed) return Failure(changed.error());
  if (!*changed) {
    return Failure({Errc::kNotFound, "job " + std::to_string(id) +
                                         " does not exist, or is running; see: reposfs jobs"});
  }
  return Answer({{"id", id}, {"state", action == "retry" ? "queued" : "cancelled"}});
}

}  // namespace

ControlApi::ControlApi(RepositoryCache& cache, DaemonFacts facts)
    : cache_(cache),
      facts_(std::move(facts)),
      status_(cache, facts_),
      repositories_(cache, waiting_, facts_.mountpoint),
      locks_(facts_.locks) {
  AddAboutItself();
  router_.AddSimple("GET", "/v1/status", ControlAccess::kReadOnly,
                    [this](const RoutedRequest&) { return Answer(status_.Json()); });
  repositories_.AddTo(router_);
  router_.AddSimple("GET", "/v1/evictions", ControlAccess::kReadOnly,
                    [this](const RoutedRequest&) { return Answer(EvictionsJson(cache_, "")); });
  AddJobs();
  locks_.AddTo(router_);
  AddRingResources(router_, cache_, facts_.ring, facts_.ring_work);
  router_.Add("POST", "/bake", ControlAccess::kReadOnly,
              [this](const RoutedRequest& call, const HttpServer::Reply& reply) {
                HandleBake(cache_, waiting_, facts_.hosts, call.request, reply);
              });
}

void ControlApi::AddAboutItself() {
  router_.AddSimple("GET", "/openapi.json", ControlAccess::kReadOnly, [](const RoutedRequest&) {
    return HttpResponse{200, "application/json", OpenApiDocument()};
  });
  // Who answers lives; and nobody answers before the mount does.
  for (const char* path : {"/healthz", "/readyz"}) {
    router_.AddSimple("GET", path, ControlAccess::kStranger, [](const RoutedRequest&) {
      return Answer({{"status", "ok"}, {"version", REPOSFS_VERSION}});
    });
  }
}

void ControlApi::AddJobs() {
  router_.AddSimple("GET", "/v1/jobs", ControlAccess::kReadOnly,
                    [this](const RoutedRequest&) { return Answer(JobsJson(cache_, "")); });
  for (const std::string action : {"retry", "cancel"}) {
    router_.AddSimple("POST", "/v1/jobs/{id}/" + action, ControlAccess::kFull,
                      [this, action](const RoutedRequest& call) {
                        return ChangeJob(cache_, call.parts[0], action);
                      });
  }
}

}  // namespace reposfs
