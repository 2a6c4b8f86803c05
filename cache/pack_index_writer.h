// Writes what git writes beside a pack: the index (version 2) and the reverse index (version 1),
// byte for byte the same.
//
// Source: gitformat-pack(5).  The disk has begun to write a file when a call returns; the caller
// syncs what is returned, and so several files at the cost of one.
//
// Thread-safety: functions may be called from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cache/pack_entry_table.h"

namespace reposfs {

// Offsets from here on stand in a table of their own.
constexpr std::uint64_t kLargeOffsetMin = 1ull << 31;

// The entries in the order of their ids.  REQUIRES: all are resolved.  Errors: kCorrupt if two have
// one id; git's own readers may then give either.
Result<std::vector<std::uint32_t>> SortByOid(const PackEntryTable& entries);

// `order` is of SortByOid(); `pack_checksum` the pack's last 20 bytes.  Replaces nothing: `path`
// must not exist.  `large_offset_min` is for tests.
Result<UniqueFd> WritePackIndex(const std::filesystem::path& path, const PackEntryTable& entries,
                                const std::vector<std::uint32_t>& order, const Oid& pack_checksum,
                                std::uint64_t large_offset_min = kLargeOffsetMin);
Result<UniqueFd> WriteReverseIndex(const std::filesystem::path& path,
                                   const std::vector<std::uint32_t>& order,
                                   const Oid& pack_checksum);

}  // namespace reposfs
