#include "daemon/control_json.h"

#include <map>
#include <utility>

#include "base/text.h"

namespace reposfs {
namespace {

constexpr int kEvictionCountShown = 100;

}  // namespace

using Json = nlohmann::ordered_json;

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

Json RepositoryJson(const RepositoryCache& cache, const Repository& repository) {
  const RepositoryRecord record = repository.record();
  return {{"key", record.key},
          {"upstream", record.upstream},
          {"stage", StageName(record.stage)},
          {"bytes", record.size_bytes},
          {"lastOpened", TimeJson(record.last_opened)},
          {"opens", record.open_count},
          {"pinned", cache.IsPinned(repository)},
          {"head", TextOrNull(record.head)},
          {"lastChecked", TimeJson(record.last_checked)},
          {"lastChanged", TimeJson(record.last_changed)},
          {"error", TextOrNull(record.error)}};
}

Json JobsJson(const RepositoryCache& cache, const std::string& key) {
  Json shown = Json::array();
  auto jobs = cache.Jobs();
  if (!jobs) return shown;
  std::map<std::int64_t, std::string> keys;
  for (const RepositoryPtr& repository : cache.Repositories()) {
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

Json EvictionsJson(const RepositoryCache& cache, const std::string& key) {
  Json shown = Json::array();
  auto evictions = cache.Evictions(key, kEvictionCountShown);
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
