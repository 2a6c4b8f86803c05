// The frame of a pack around its entries, and the making of an entry's header.
//
// Source: gitformat-pack(5).  Only version 2 with SHA-1 exists on the wire.  Parsing an entry is
// cache/pack_entry.h.
//
// Thread-safety: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/object.h"
#include "cache/oid.h"
#include "cache/pack_entry.h"

namespace reposfs {

constexpr std::size_t kPackHeaderSize = 12;
constexpr std::size_t kPackTrailerSize = Oid::kSize;

// Numbers in a pack and in the files beside it.  `bytes` are 4 at least.
std::uint32_t BigEndian32(const char* bytes);
void AppendBigEndian32(std::string& out, std::uint32_t value);

// REQUIRES: `type` is not a delta's.
ObjectType ObjectTypeOf(PackEntryType type);
PackEntryType PackEntryTypeOf(ObjectType type);

// The number of entries that the header announces.  REQUIRES: kPackHeaderSize bytes.
// Errors: kCorrupt; kUnsupported for a version other than 2.
Result<std::uint32_t> ParsePackHeader(std::string_view bytes);
std::string PackHeader(std::uint32_t entry_count);

// The header of an entry that is no delta.
std::string PackEntryHeaderBytes(ObjectType type, std::uint64_t size_bytes);

}  // namespace reposfs
