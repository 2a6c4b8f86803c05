#include "ring/ring_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace reposfs {
namespace {

// Whether `theirs` is news to who has `mine`.
bool IsMore(const Holding& theirs, const Holding& mine) {
  if (theirs.stage != mine.stage) return theirs.stage > mine.stage;
  return theirs.head != mine.head && theirs.checked_at > mine.checked_at;
}

// Whether nothing is lost if `mine` goes and `theirs` stays.
bool Replaces(const Holding& theirs, const Holding& mine) {
  const bool as_new = theirs.head == mine.head || theirs.checked_at >= mine.checked_at;
  return theirs.stage >= mine.stage && as_new;
}

void PlanCopies(const RingView& view, const Holdings& mine, const PeerHoldings& peers,
                RingPlan& plan) {
  std::map<std::string, RingCopy> wanted;
  for (const auto& [node, holdings] : peers) {
    for (const auto& [key, theirs] : holdings) {
      if (!view.OwnsItself(key)) continue;
      const auto found = mine.find(key);
      const Holding here = found == mine.end() ? Holding{} : found->second;
      if (!IsMore(theirs, here)) continue;
      RingCopy& copy = wanted[key];
      copy.key = key;
      copy.stage = std::max(copy.stage, theirs.stage);
      copy.opened_at = std::max(copy.opened_at, theirs.opened_at);
      copy.size_bytes = std::max(copy.size_bytes, theirs.size_bytes);
      copy.is_here = here.stage > 0;
    }
  }
  for (auto& [key, copy] : wanted) plan.copies.push_back(std::move(copy));
  std::stable_sort(plan.copies.begin(), plan.copies.end(),
                   [](const auto& a, const auto& b) { return a.opened_at > b.opened_at; });
}

// The owners of `key` if all of them have what `mine` is.
std::optional<std::vector<std::string>> OwnersThatHave(const RingView& view, const std::string& key,
                                                       const Holding& mine,
                                                       const PeerHoldings& peers) {
  std::vector<std::string> owners;
  for (const MemberIndex index : view.OwnersOf(key)) {
    const std::string& id = view.nodes()[index].member.id;
    const auto peer = peers.find(id);
    if (peer == peers.end()) return std::nullopt;
    const auto theirs = peer->second.find(key);
    if (theirs == peer->second.end() || !Replaces(theirs->second, mine)) return std::nullopt;
    owners.push_back(id);
  }
  if (owners.empty()) return std::nullopt;
  return owners;
}

}  // namespace

RingPlan MakeRingPlan(const RingView& view, const Holdings& mine, const PeerHoldings& peers,
                      const std::set<std::string>& leaving) {
  RingPlan plan;
  PlanCopies(view, mine, peers, plan);
  for (const std::string& key : leaving) {
    const auto found = mine.find(key);
    if (found == mine.end() || view.OwnsItself(key)) continue;
    if (auto owners = OwnersThatHave(view, key, found->second, peers)) {
      plan.releases.push_back(RingRelease{key, std::move(*owners)});
    }
  }
  return plan;
}

}  // namespace reposfs
