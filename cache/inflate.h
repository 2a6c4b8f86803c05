// Inflating zlib streams whose size is known beforehand, as in a pack.
//
// libdeflate does it 2.7 times as fast as zlib (900 against 327 MB/s on the blobs of the kernel).
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace reposfs {

// Inflates the stream at the beginning of `compressed`, which may be followed by anything, into
// exactly `size` bytes at `out`; returns the length of the stream.  Its checksum is verified.
//
// Thread-safety: may be called from any thread; each keeps a decompressor of its own.
//
// Errors: kCorrupt, also if the stream goes on behind the end of `compressed`.
Result<std::size_t> Inflate(std::string_view compressed, char* out, std::size_t size);

}  // namespace reposfs
