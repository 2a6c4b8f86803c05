#include "ring/ring_view.h"

#include <algorithm>
#include <cassert>

namespace reposfs {
namespace {

std::optional<MemberIndex> Find(const std::vector<Member>& members, std::string_view id) {
  const auto found = std::lower_bound(
      members.begin(), members.end(), id,
      [](const Member& member, std::string_view text) { return member.id < text; });
  if (found == members.end() || found->id != id) return std::nullopt;
  return static_cast<MemberIndex>(found - members.begin());
}

}  // namespace

std::string_view MemberStateName(MemberState state) {
  switch (state) {
    case MemberState::kUp:
      return "up";
    case MemberState::kSuspect:
      return "suspect";
    case MemberState::kDown:
      break;
  }
  return "down";
}

RingView::RingView(std::shared_ptr<const HashRing> ring, std::vector<RingNode> nodes,
                   std::string self, std::string discovery_error)
    : ring_(std::move(ring)),
      nodes_(std::move(nodes)),
      self_id_(std::move(self)),
      self_(Find(ring_->members(), self_id_)),
      discovery_error_(std::move(discovery_error)) {
  assert(nodes_.size() == ring_->members().size());
}

bool RingView::OwnsItself(std::string_view key) const {
  const auto owners = OwnersOf(key);
  return self_ && std::find(owners.begin(), owners.end(), *self_) != owners.end();
}

bool RingView::Owns(std::string_view id, std::string_view key) const {
  const auto index = IndexOf(id);
  const auto owners = OwnersOf(key);
  return index && std::find(owners.begin(), owners.end(), *index) != owners.end();
}

std::optional<MemberIndex> RingView::IndexOf(std::string_view id) const {
  return Find(ring_->members(), id);
}

}  // namespace reposfs
