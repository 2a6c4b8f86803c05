// Inode numbers that mean something: the same file of the same view has the same one in every
// process and on every machine.
//
// git compares inode numbers with those in its index, so one that changes makes it read every file
// again.  A number is therefore a hash of what the node is, never a counter.
//
// Source of the algorithm: XXH3, 128 bits (xxhash.com), from libxxhash.
#pragma once

#include <cstdint>
#include <string_view>

namespace reposfs {

struct InodeIdentity {
  std::uint64_t number;  // What the kernel and users see; never 0 or 1.
  std::uint64_t check;   // Tells two nodes apart whose numbers collide.

  bool operator==(const InodeIdentity&) const = default;
};

// The identity of what `parent` calls `name`, where `content` says which version of it.
InodeIdentity IdentityOf(const InodeIdentity& parent, std::string_view name,
                         std::string_view content);

}  // namespace reposfs
