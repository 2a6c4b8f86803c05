#include "fs/inode_number.h"

#include <xxhash.h>

namespace reposfs {

InodeIdentity IdentityOf(const InodeIdentity& parent, std::string_view name,
                         std::string_view content) {
  constexpr std::uint64_t kReserved = 2;  // 0 is no inode, 1 is the root of the mount.
  const XXH128_hash_t of_name = XXH3_128bits_withSeed(name.data(), name.size(), parent.number);
  const XXH128_hash_t of_content =
      XXH3_128bits_withSeed(content.data(), content.size(), parent.check);
  const std::uint64_t parts[] = {parent.number,  parent.check,     of_name.low64,
                                 of_name.high64, of_content.low64, of_content.high64};
  const XXH128_hash_t hash = XXH3_128bits(parts, sizeof parts);
  return InodeIdentity{hash.low64 < kReserved ? hash.low64 + kReserved : hash.low64, hash.high64};
}

}  // namespace reposfs
