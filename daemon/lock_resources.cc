#include "daemon/lock_resources.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "daemon/control_json.h"
#include "daemon/http_answer.h"

namespace reposfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kWaitingCountMax = 16;

Json LockJson(const LockRecord& record) {
  return {{"scope", LockScopeName(record.name.scope)},
          {"name", Printable(record.name.name)},
          {"mode", LockModeName(record.mode)},
          {"state", record.held ? "held" : "waiting"},
          {"token", record.token},
          {"owner", Printable(record.owner)},
          {"askedAt", TimeJson(record.asked_at)},
          {"heldSince", TimeJson(record.held_since.value_or(WallTime{}))},
          {"leaseLeftMs", record.lease_left ? Json(record.lease_left->count()) : Json(nullptr)}};
}

}  // namespace

void LockResources::AddTo(Router& router) {
  router.Add("GET", "/debug/locks", ControlAccess::kReadOnly,
             [this](const RoutedRequest&, const HttpServer::Reply& reply) {
               if (++waiting_count_ > kWaitingCountMax) {
                 --waiting_count_;
                 reply(Failure({Errc::kUnreachable, "too many ask for the locks; try it again"}));
                 return;
               }
               pool_.Submit([this, reply] {
                 Answer(reply);
                 --waiting_count_;
               });
             });
}

void LockResources::Answer(const HttpServer::Reply& reply) {
  const auto records = list_();
  if (!records) return reply(Failure(records.error()));
  Json locks = Json::array();
  for (const LockRecord& record : *records) locks.push_back(LockJson(record));
  reply(reposfs::Answer(locks));
}

}  // namespace reposfs
