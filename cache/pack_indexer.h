// Indexes a pack while it arrives, as `git index-pack --strict --fix-thin --rev-index` would do.
//
// The thread that brings the bytes parses them: it writes them to the disk, finds where each entry
// ends, which can only be known by inflating it, and hands what was inflated to a PackResolver,
// whose threads hash, check and apply deltas meanwhile.  Once all is here, bases that a thin pack
// left out are appended, and index and reverse index are written.
//
// It replaces `git index-pack`, which ran in a child under limits, so everything is bounded here:
// nothing is allocated for what a pack only promises, entries of more than kInMemoryMaxBytes are
// never whole in memory as they arrive (blobs of any size are hashed in pieces), and see
// cache/pack_resolver.h for what deltas may cost.
//
// Not done: whether everything that objects name is here (Git's --check-self-contained...); and
// comparing an object with one of the same id that is in the store already: nobody can make such a
// pair without cache/object_hash.h noticing.
//
// What is on the disk: the pack, its sizes (cache/pack_sizes.h) where they are worth it, its index
// and its reverse index are each synced before the index, which makes the pack visible, gets its
// name.  The directory is not: that is up to whoever seals
// the staging.
//
// Invariants:
//   (1) Until Finish() succeeds there is no pack-* of this transfer in the directory, and after a
//   failure and the destructor nothing is.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/file_checksum.h"
#include "cache/object_hash.h"
#include "cache/object_store.h"
#include "cache/pack_entry_table.h"
#include "cache/pack_file.h"
#include "cache/pack_resolver.h"
#include "cache/pack_sink.h"
#include "cache/stream_inflater.h"

namespace reposfs {

struct PackIndexerOptions {
  IoEngine* engine = nullptr;       // Carries the pack to the disk; outlives the indexer.
  std::filesystem::path directory;  // Where the pack shall be.
  // Has what a thin pack leaves out.  Null: no thin packs.
  std::shared_ptr<const ObjectStore> bases;
  std::size_t thread_count = 0;        // 0: as many as there are processors, 2 to 8.
  std::function<Status()> keep_going;  // As in PackSinkRequest; may be empty.
  ObjectListener on_object = {};       // Likewise.
};

class PackIndexer final : public PackSink {
 public:
  // More entries than any repository has; each takes 64 bytes of memory, but only once it is here.
  static constexpr std::uint32_t kEntryCountMax = 1u << 25;
  static constexpr std::uint64_t kInMemoryMaxBytes = 16u << 20;

  // Errors: kIo, kNoSpace...: a file can't be made in `directory`.
  static Result<std::unique_ptr<PackIndexer>> Create(PackIndexerOptions options);
  ~PackIndexer() override;

  // Errors of both: kCorrupt; kUnsupported for more entries or larger objects than the limits
  // above, in pack_resolver.h and pack_entry_reader.h allow; those of the file system.
  Status Add(std::string_view bytes) override;
  Status Finish() override;

  std::uint64_t object_count() const override { return arrived_count_; }

  // "pack-<hash>".  REQUIRES: Finish() has succeeded.
  std::string name() const { return "pack-" + checksum_.Hex(); }

 private:
  // An entry that is inflated in pieces.
  struct Piecewise {
    Piecewise(const PackEntryHeader& header, std::uint32_t header_crc32);

    StreamInflater inflater;
    std::unique_ptr<ObjectHasher> hasher;  // Of an object that is no delta.
    std::uint32_t crc32;
  };

  PackIndexer(PackIndexerOptions options, std::unique_ptr<PackFile> file);

  // Parse...() return whether there may be more to parse in what has arrived.
  Status Parse();
  Result<bool> ParseNext();
  Result<bool> ParseHeader();
  Result<bool> ParseEntry();
  Result<bool> ParseWhole();
  Result<bool> ParsePiece();
  Result<bool> ParseTrailer();
  Status BeginEntry(const PackEntryHeader& header);
  Status EndEntry(std::uint32_t crc32, ContentPtr content, bool hashed);
  // Tells the listener of the entry that has arrived.
  void Tell(std::string_view content) const;
  Result<std::uint32_t> EntryAt(std::uint64_t offset) const;
  Status Submit();

  Status Complete();
  Status AppendBase(const Oid& id);
  Status RewriteFrame();
  Status WriteFiles();
  // All three files are on the disk then.
  Status WriteIndexes(const std::string& index, const std::string& reverse,
                      const std::vector<std::uint32_t>& order);

  std::string_view Arrived() const { return std::string_view(window_).substr(window_begin_); }
  void Consume(std::size_t size_bytes);

  const PackIndexerOptions options_;
  const std::unique_ptr<PackFile> file_;

  // What has arrived and is not parsed is window_[window_begin_..], at position_ of the pack.
  std::string window_;
  std::size_t window_begin_ = 0;
  std::uint64_t position_ = 0;
  bool ended_ = false;  // Nothing more will arrive.

  FileChecksum arrived_checksum_;
  std::size_t checksum_begin_ = 0;  // Up to here the window is in arrived_checksum_.
  Oid checksum_;
  bool trailer_seen_ = false;

  std::optional<PackEntryTable> entries_;  // Once the header is here.
  std::uint32_t announced_count_ = 0;
  std::atomic<std::uint64_t> arrived_count_ = 0;  // Only a number to show.

  PackEntry entry_;                        // The one that arrives,
  std::optional<PackEntryHeader> header_;  // once its header is parsed.
  std::unique_ptr<Piecewise> piecewise_;

  PackResolver::Batch batch_;
  std::size_t batch_bytes_ = 0;
  std::unique_ptr<PackResolver> resolver_;  // Last: it uses the entries and the file.
};

// A PackIndexer for a staging; its thin packs may have bases in the store that it borrows from.
// Errors: as Create(); kIo... if the staging can't be read.
Result<std::unique_ptr<PackSink>> OpenPackIndexer(const PackSinkRequest& request, IoEngine& engine);

}  // namespace reposfs
