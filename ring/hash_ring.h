// Which members own a key: consistent hashing with virtual nodes and weights.
//
// Each member stands on a circle of 2^64 places as often as virtual_nodes x weight says; a key
// belongs to the members that come next after its own place.  So a member that joins or leaves
// moves the keys of its own places only, near 1/N of all.
//
// Where everybody stands is the same on every machine and in every version, whatever the order of
// the members: the nodes of a ring must agree without asking each other.  Places are XXH64 of the
// member's id with the number of the virtual node as the seed, keys XXH64 with seed 0; two members
// at one place stand there in the order of their ids.  The test holds vectors of both.
//
// Thread-safety: immutable; whoever changes the ring makes a new one.
//
// Invariants:
//   (1) members() is sorted by id.
//   (2) The owners of a key are distinct, and min(replication_count, members().size()) of them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ring/member.h"

namespace reposfs {

// Stands for a member within one HashRing: the index in its members().
using MemberIndex = std::uint16_t;

struct HashRingOptions {
  int virtual_nodes = 100;    // Of a member of weight 1.
  int replication_count = 2;  // How many members own a key.
};

class HashRing {
 public:
  // 10,000 members of weight 1 with 100 virtual nodes each; takes up to 50 MB.
  static constexpr std::size_t kPlaceCountMax = 1u << 20;

  // A ring of nobody, in which no key has an owner.
  HashRing() = default;

  // REQUIRES: both options > 0.  Errors: kInvalidArgument: CheckMembers(), or more places than
  // kPlaceCountMax.
  static Result<HashRing> Build(std::vector<Member> members, const HashRingOptions& options);

  const std::vector<Member>& members() const { return members_; }

  // The owners of `key`, first owner first; valid as long as the ring is.
  //
  // O(log N), and a few nanoseconds in the usual case.
  std::span<const MemberIndex> OwnersOf(std::string_view key) const {
    return OwnersAt(PlaceOf(key));
  }

  // The owners of the keys at `place`.
  std::span<const MemberIndex> OwnersAt(std::uint64_t place) const;

  static std::uint64_t PlaceOf(std::string_view key);

  // The shares of all keys, 0..1, whose first owner is members()[index]; they add up to 1.
  std::vector<double> Shares() const;

 private:
  void Place(const HashRingOptions& options);
  void ChooseOwners();
  void IndexPlaces();
  // The index in places_ of the first one at or after `place`; wraps to 0 after the last.
  std::size_t PlaceIndex(std::uint64_t place) const;
  std::size_t place_count() const { return places_.empty() ? 0 : places_.size() - 1; }

  std::vector<Member> members_;
  std::size_t owner_count_ = 0;        // Of every key.
  std::vector<std::uint64_t> places_;  // Sorted, and one behind the last that no place is above.
  // owner_count_ for each place.
  std::vector<MemberIndex> owners_;
  // For each value of the top bits of a place, the index of the first place with these bits or
  // higher ones; one more at the end.
  std::vector<std::uint32_t> first_of_top_bits_;
  int shift_ = 63;  // What turns a place into its top bits.
};

}  // namespace reposfs
