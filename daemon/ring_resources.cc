#include "daemon/ring_resources.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "daemon/control_json.h"
#include "daemon/http_answer.h"
#include "daemon/repository_resources.h"

namespace reposfs {
namespace {

using Json = nlohmann::ordered_json;

// Of one member; `share` of 1 in percent with two digits.
Json NodeJson(const RingView& view, MemberIndex index, double share) {
  const RingNode& node = view.nodes()[index];
  return {{"id", node.member.id},
          {"address", node.member.address},
          {"weight", node.member.weight},
          {"self", view.self() == index},
          {"state", MemberStateName(node.state)},
          {"since", TimeJson(node.since)},
          {"vanished", TimeJson(node.vanished)},
          {"share", std::round(share * 10'000) / 100},
          {"lastError", TextOrNull(node.last_error)}};
}

}  // namespace

Json RingJson(const RingView& view, const RingWork& work) {
  Json members = Json::array();
  const auto shares = view.ring().Shares();
  for (std::size_t index = 0; index < view.nodes().size(); ++index) {
    members.push_back(NodeJson(view, static_cast<MemberIndex>(index), shares[index]));
  }
  return {{"enabled", true},
          {"self", view.self_id()},
          {"discoveryError", TextOrNull(view.discovery_error())},
          {"members", std::move(members)},
          {"copying", work.copying},
          {"waiting", work.waiting_count},
          {"leaving", work.leaving}};
}

Json OwnersJson(const RingView& view, const std::string& key) {
  Json owners = Json::array();
  const auto shares = view.ring().Shares();
  for (const MemberIndex owner : view.OwnersOf(key)) {
    owners.push_back(NodeJson(view, owner, shares[owner]));
  }
  return {{"enabled", true}, {"key", key}, {"owners", std::move(owners)}};
}

void AddRingResources(Router& router, const RepositoryCache& cache, const CurrentRing& ring,
                      const CurrentRingWork& work) {
  router.AddSimple("GET", "/v1/ring", ControlAccess::kReadOnly, [ring, work](const RoutedRequest&) {
    if (ring) return Answer(RingJson(*ring(), work ? work() : RingWork{}));
    return Answer({{"enabled", false},
                   {"self", nullptr},
                   {"discoveryError", nullptr},
                   {"members", Json::array()},
                   {"copying", Json::array()},
                   {"waiting", 0},
                   {"leaving", Json::array()}});
  });
  router.AddSimple(
      "GET", "/v1/ring/owners/{host}/{owner}/{name}", ControlAccess::kReadOnly,
      [&cache, ring](const RoutedRequest& call) {
        const auto key = KeyOfParts(cache, call.parts);
        if (!key) return Failure(key.error());
        if (ring) return Answer(OwnersJson(*ring(), key->Text()));
        return Answer({{"enabled", false}, {"key", key->Text()}, {"owners", Json::array()}});
      });
}

}  // namespace reposfs
