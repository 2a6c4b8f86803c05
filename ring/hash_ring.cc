#include "ring/hash_ring.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

namespace reposfs {
namespace {

// Up to here, looking at one place after the other is faster than halving.
constexpr std::size_t kScanCountMax = 8;

struct PlacedMember {
  std::uint64_t place;
  MemberIndex member;

  friend auto operator<=>(const PlacedMember&, const PlacedMember&) = default;
};

}  // namespace

Result<HashRing> HashRing::Build(std::vector<Member> members, const HashRingOptions& options) {
  assert(options.virtual_nodes > 0 && options.replication_count > 0);
  if (auto status = CheckMembers(members); !status) return std::move(status).error();
  std::size_t place_count = 0;
  for (const Member& member : members) {
    place_count +=
        static_cast<std::size_t>(member.weight) * static_cast<std::size_t>(options.virtual_nodes);
  }
  if (place_count > kPlaceCountMax) {
    return Error{Errc::kInvalidArgument,
                 "the weights of all nodes times ring.virtualNodes make " +
                     std::to_string(place_count) + " places on the ring, more than " +
                     std::to_string(kPlaceCountMax) + "; lower the weights"};
  }
  HashRing ring;
  ring.members_ = std::move(members);
  std::sort(ring.members_.begin(), ring.members_.end(),
            [](const Member& a, const Member& b) { return a.id < b.id; });
  ring.Place(options);
  return ring;
}

void HashRing::Place(const HashRingOptions& options) {
  if (members_.empty()) return;
  std::vector<PlacedMember> placed;
  for (std::size_t index = 0; index < members_.size(); ++index) {
    const Member& member = members_[index];
    const auto count = static_cast<std::uint64_t>(member.weight) *
                       static_cast<std::uint64_t>(options.virtual_nodes);
    for (std::uint64_t number = 0; number < count; ++number) {
      placed.push_back(
          {XXH64(member.id.data(), member.id.size(), number), static_cast<MemberIndex>(index)});
    }
  }
  std::sort(placed.begin(), placed.end());

  owner_count_ = std::min(members_.size(), static_cast<std::size_t>(options.replication_count));
  places_.reserve(placed.size() + 1);
  owners_.resize(placed.size() * owner_count_);
  for (std::size_t index = 0; index < placed.size(); ++index) {
    places_.push_back(placed[index].place);
    owners_[index * owner_count_] = placed[index].member;
  }
  ChooseOwners();
  IndexPlaces();
  places_.push_back(std::numeric_limits<std::uint64_t>::max());
}

// The owners of a place are the member that stands there and then the owners of the next place
// without it.  One way round the circle leaves the last places with owners that are not known yet;
// the second way round mends them.
void HashRing::ChooseOwners() {
  const std::size_t count = places_.size();
  std::vector<MemberIndex> next;  // The owners of the place after the one that is looked at.
  for (std::size_t step = 2 * count; step > 0; --step) {
    MemberIndex* owners = &owners_[(step - 1) % count * owner_count_];
    std::size_t filled = 1;
    for (const MemberIndex other : next) {
      if (filled == owner_count_) break;
      if (other != owners[0]) owners[filled++] = other;
    }
    next.assign(owners, owners + filled);
  }
  assert(next.size() == owner_count_);
}

void HashRing::IndexPlaces() {
  // One or two entries for each place: mostly one place or none to look at.
  const int bits = std::max(1, static_cast<int>(std::bit_width(places_.size())));
  shift_ = 64 - bits;
  const std::size_t entry_count = std::size_t{1} << bits;
  first_of_top_bits_.resize(entry_count + 1);
  std::size_t index = 0;
  for (std::size_t top = 0; top < entry_count; ++top) {
    while (index < places_.size() && (places_[index] >> shift_) < top) ++index;
    first_of_top_bits_[top] = static_cast<std::uint32_t>(index);
  }
  first_of_top_bits_[entry_count] = static_cast<std::uint32_t>(places_.size());
}

std::uint64_t HashRing::PlaceOf(std::string_view key) {
  return XXH64(key.data(), key.size(), 0);
}

std::size_t HashRing::PlaceIndex(std::uint64_t place) const {
  const std::size_t top = place >> shift_;
  std::size_t index = first_of_top_bits_[top];
  const std::size_t end = first_of_top_bits_[top + 1];
  if (end - index > kScanCountMax) {
    const auto first = places_.begin();
    const auto found = std::lower_bound(first + static_cast<std::ptrdiff_t>(index),
                                        first + static_cast<std::ptrdiff_t>(end), place);
    index = static_cast<std::size_t>(found - first);
  } else {
    // Two steps without a branch, which nobody could predict, are mostly enough.  The last element
    // of places_ ends every walk.
    index += places_[index] < place;
    index += places_[index] < place;
    while (places_[index] < place) ++index;
  }
  return index == place_count() ? 0 : index;
}

std::span<const MemberIndex> HashRing::OwnersAt(std::uint64_t place) const {
  if (members_.empty()) return {};
  return {&owners_[PlaceIndex(place) * owner_count_], owner_count_};
}

std::vector<double> HashRing::Shares() const {
  std::vector<double> shares(members_.size());
  const std::size_t count = place_count();
  for (std::size_t index = 0; index < count; ++index) {
    // Arithmetic without sign wraps as the circle does.
    const std::uint64_t before = places_[index == 0 ? count - 1 : index - 1];
    const std::uint64_t gap = places_[index] - before;
    shares[owners_[index * owner_count_]] += std::ldexp(static_cast<double>(gap), -64);
  }
  if (count == 1) shares[0] = 1;  // The gap is the whole circle, which is 2^64.
  return shares;
}

}  // namespace reposfs
