// The ring at one moment: its members, whether they answer, and who owns what.
//
// Whoever routes a request takes one view and decides everything by it; meanwhile Membership may
// publish the next one.
//
// Thread-safety: immutable.
//
// Invariants:
//   (1) nodes()[i].member is ring().members()[i]: a MemberIndex means the same in both.
//   (2) Every member has its places on the ring, whether it answers or not: who is down for a while
//       owns what he owned, and nothing moves.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "ring/hash_ring.h"

namespace reposfs {

//          one failure               another failure
//   kUp ----------------> kSuspect ------------------> kDown
//    ^ ^                     |                           |
//    | +---------------------+                           |
//    |      one success            two successes in a row|
//    +---------------------------------------------------+
//
// The edges are MemberHealth::Fail() and MemberHealth::Succeed().
enum class MemberState {
  kUp,       // It answers, or nobody has asked it yet.
  kSuspect,  // It failed once: ask it after the others.
  kDown,     // It failed again: do not ask it.
};

// "up", "suspect", "down".
std::string_view MemberStateName(MemberState state);

struct RingNode {
  Member member;
  MemberState state = MemberState::kUp;
  WallTime since{};        // In this state; the epoch if it never changed.
  std::string last_error;  // Of the last failure; empty if there was none.
  // Since when discovery does not name it any more; the epoch if it does.
  WallTime vanished{};
};

class RingView {
 public:
  // REQUIRES: nodes[i].member is ring->members()[i].
  RingView(std::shared_ptr<const HashRing> ring, std::vector<RingNode> nodes, std::string self,
           std::string discovery_error);

  const HashRing& ring() const { return *ring_; }
  const std::vector<RingNode>& nodes() const { return nodes_; }

  // This node's id, and its index if it is a member: before discovery has named it, it is not.
  const std::string& self_id() const { return self_id_; }
  std::optional<MemberIndex> self() const { return self_; }

  // Why the list of members may be out of date; empty if it is not.
  const std::string& discovery_error() const { return discovery_error_; }

  // The owners of a repository ("host/owner/name"), first owner first, this node and members that
  // are down among them.  Empty only if the ring has no members.  Valid as long as the view is.
  std::span<const MemberIndex> OwnersOf(std::string_view key) const { return ring_->OwnersOf(key); }

  // Whether this node is an owner of `key`.
  bool OwnsItself(std::string_view key) const;

  // Whether the member called `id` is an owner of `key`; false if there is no such member.
  bool Owns(std::string_view id, std::string_view key) const;

  std::optional<MemberIndex> IndexOf(std::string_view id) const;

 private:
  const std::shared_ptr<const HashRing> ring_;
  const std::vector<RingNode> nodes_;
  const std::string self_id_;
  const std::optional<MemberIndex> self_;
  const std::string discovery_error_;
};

}  // namespace reposfs
