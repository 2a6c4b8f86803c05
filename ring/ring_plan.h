// What a node has to do so that every repository is where it belongs.
//
// Replication, repair and rebalancing are one comparison: an owner gets what any other node has and
// it has not, and who owned a repository lets go of it only when all owners have it.  Nobody is
// told to take anything; each node looks after what is its own.
//
// Thread-safety: pure functions.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "ring/holdings.h"
#include "ring/ring_view.h"

namespace reposfs {

struct RingCopy {
  std::string key;
  int stage = 0;         // As far as others have it.
  WallTime opened_at{};  // By the user of any node.
  std::uint64_t size_bytes = 0;
  bool is_here = false;  // Something of it: it is only to be brought up to date.
};

struct RingRelease {
  std::string key;
  std::vector<std::string> owners;  // Who have it now.
};

struct RingPlan {
  std::vector<RingCopy> copies;  // The most recently opened first.
  std::vector<RingRelease> releases;
};

// What a node is doing of its plan, by keys, for people to look at.
struct RingWork {
  std::vector<std::string> copying;
  std::size_t waiting_count = 0;     // To be copied.
  std::vector<std::string> leaving;  // To be let go of, once others have it.
};

// By the id of the node.
using PeerHoldings = std::map<std::string, Holdings, std::less<>>;

// `leaving` are keys that this node owned before the ring changed.
RingPlan MakeRingPlan(const RingView& view, const Holdings& mine, const PeerHoldings& peers,
                      const std::set<std::string>& leaving);

}  // namespace reposfs
