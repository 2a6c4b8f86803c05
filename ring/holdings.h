// What a node has on its disk, as the nodes of a ring tell each other.
//
// Format: {"epoch", "revision", "whole", "repositories": [{"key", "stage", "head", "checkedAt",
// "openedAt", "bytes"}, ...]}; times in milliseconds since the epoch, stages as ranks.  A node asks
// for what has changed since the revision it knows, and gets everything when it knows none, or one
// of an earlier life of the other.
//
// Thread-safety: plain values and pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace reposfs {

struct Holding {
  // How much of it: the greater the more.  0 is nothing: it has been removed.
  int stage = 0;
  std::string head;       // The commit of the default branch, in hexadecimal.
  WallTime checked_at{};  // When the git host has said so.
  WallTime opened_at{};   // By a user.
  std::uint64_t size_bytes = 0;

  friend bool operator==(const Holding&, const Holding&) = default;
};

// By the repository's key, "host/owner/name".
using Holdings = std::map<std::string, Holding, std::less<>>;

constexpr std::size_t kHoldingCountMax = 1'000'000;

struct HoldingsPage {
  std::string epoch;  // Of the life of the node that tells.
  std::int64_t revision = 0;
  bool whole = false;  // What is not in it, the node does not have.
  Holdings holdings;
};

std::string HoldingsToJson(const HoldingsPage& page);

// Errors: kCorrupt for what is not such a page.
Result<HoldingsPage> HoldingsFromJson(std::string_view text);

// Brings `known` up to date by `page`.
void Merge(const HoldingsPage& page, Holdings& known);

}  // namespace reposfs
