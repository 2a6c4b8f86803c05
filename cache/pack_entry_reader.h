// Reads entries of a pack again that have been parsed once.
//
// Thread-safety: an object is used by one thread at a time.
#pragma once

#include <string>

#include "base/result.h"
#include "cache/pack_content.h"
#include "cache/pack_entry_table.h"
#include "cache/pack_file.h"

namespace reposfs {

// No object that has to be in memory whole may be larger.
constexpr std::uint64_t kObjectSizeMaxBytes = 512u << 20;

class PackEntryReader {
 public:
  PackEntryReader(const PackEntryTable& entries, const PackFile& file)
      : entries_(entries), file_(file) {}

  // The inflated content of `entry`: of a delta, its instructions.  For a large one it takes
  // `turn`.
  //
  // Errors: kCorrupt; kUnsupported if it is larger than kObjectSizeMaxBytes; kIo.
  Result<ContentPtr> Read(std::uint32_t entry, LargeObjectTurn& turn);

 private:
  Status InflateInPieces(std::uint64_t begin, std::uint64_t end, std::string& content);

  const PackEntryTable& entries_;
  const PackFile& file_;
  std::string input_;
};

}  // namespace reposfs
