#include "cache/pack_indexer.h"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <thread>
#include <utility>

#include "base/file_util.h"
#include "cache/inflate.h"
#include "cache/pack_format.h"
#include "cache/pack_index_writer.h"
#include "cache/pack_sizes.h"

namespace reposfs {
namespace {

// Neighbours are resolved by one thread, as deltas are mostly near their bases.
constexpr std::size_t kBatchBytes = 512u << 10;
constexpr std::size_t kBatchCount = 256;

// Bytes that are inflated at once of an entry that is hashed in pieces.
constexpr std::size_t kPieceBytes = 64u << 10;

// A staging borrows from one store.
constexpr std::uint64_t kAlternatesMaxBytes = 64u << 10;

std::size_t DefaultThreadCount() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, 8);
}

std::vector<std::uint64_t> SizesInOrder(const PackEntryTable& entries,
                                        const std::vector<std::uint32_t>& order) {
  std::vector<std::uint64_t> sizes_bytes;
  sizes_bytes.reserve(order.size());
  for (const std::uint32_t entry : order) sizes_bytes.push_back(entries.at(entry).size_bytes);
  return sizes_bytes;
}

Error Broken(std::string_view why) {
  return Error{Errc::kCorrupt, "pack: " + std::string(why)};
}

}  // namespace

PackIndexer::Piecewise::Piecewise(const PackEntryHeader& header, std::uint32_t header_crc32)
    : inflater(header.size_bytes), crc32(header_crc32) {
  if (header.IsDelta()) return;
  hasher = std::make_unique<ObjectHasher>(ObjectTypeOf(header.type), header.size_bytes);
}

Result<std::unique_ptr<PackIndexer>> PackIndexer::Create(PackIndexerOptions options) {
  auto file = PackFile::Create(options.directory, *options.engine);
  if (!file) return std::move(file).error();
  if (options.thread_count == 0) options.thread_count = DefaultThreadCount();
  return std::unique_ptr<PackIndexer>(new PackIndexer(std::move(options), std::move(*file)));
}

PackIndexer::PackIndexer(PackIndexerOptions options, std::unique_ptr<PackFile> file)
    : options_(std::move(options)), file_(std::move(file)) {}

PackIndexer::~PackIndexer() = default;

Status PackIndexer::Add(std::string_view bytes) {
  if (auto appended = file_->Append(bytes); !appended) return appended;
  window_ += bytes;
  return Parse();
}

Status PackIndexer::Finish() {
  ended_ = true;
  if (auto parsed = Parse(); !parsed) return parsed;
  if (!trailer_seen_) return Broken("it ends too early");
  if (auto drained = resolver_->Drain(); !drained) return drained;
  if (auto completed = Complete(); !completed) return completed;
  return WriteFiles();
}

Status PackIndexer::Parse() {
  while (true) {
    const auto more = ParseNext();
    if (!more) return more.error();
    if (!*more) break;
  }
  // What is left is short, or waits to become longer.
  if (window_begin_ > 0) {
    arrived_checksum_.Add(
        std::string_view(window_).substr(checksum_begin_, window_begin_ - checksum_begin_));
    window_.erase(0, window_begin_);
    window_begin_ = 0;
    checksum_begin_ = 0;
  }
  return {};
}

Result<bool> PackIndexer::ParseNext() {
  if (!entries_) return ParseHeader();
  if (piecewise_) return ParsePiece();
  if (entries_->count() < announced_count_) return ParseEntry();
  return ParseTrailer();
}

Result<bool> PackIndexer::ParseHeader() {
  if (Arrived().size() < kPackHeaderSize) return false;
  const auto count = ParsePackHeader(Arrived());
  if (!count) return count.error();
  if (*count > kEntryCountMax) {
    return Error{Errc::kUnsupported, "a pack of " + std::to_string(*count) + " objects"};
  }
  announced_count_ = *count;
  // Of a thin pack, each object may bring a base of its own.
  entries_.emplace(2 * announced_count_);
  resolver_ =
      std::make_unique<PackResolver>(*entries_, *file_, options_.thread_count, options_.keep_going);
  Consume(kPackHeaderSize);
  return true;
}

Result<bool> PackIndexer::ParseEntry() {
  if (!header_) {
    if (Arrived().size() < kPackEntryHeaderMaxBytes && !ended_) return false;
    const auto header = ParsePackEntryHeader(Arrived(), position_);
    if (!header) return header.error();
    if (auto begun = BeginEntry(*header); !begun) return std::move(begun).error();
    header_ = *header;
  }
  if (header_->size_bytes <= kInMemoryMaxBytes) return ParseWhole();
  const std::string_view header_bytes = Arrived().substr(0, header_->header_bytes);
  piecewise_ = std::make_unique<Piecewise>(*header_, Crc32(0, header_bytes));
  Consume(header_->header_bytes);
  return true;
}

Status PackIndexer::BeginEntry(const PackEntryHeader& header) {
  entry_ = PackEntry{};
  entry_.offset = position_;
  entry_.packed_as = header.type;
  entry_.size_bytes = header.size_bytes;
  if (header.type == PackEntryType::kReferenceDelta) entry_.oid = header.base;
  if (header.type == PackEntryType::kOffsetDelta) {
    const auto base = EntryAt(header.base_offset);
    if (!base) return base.error();
    entry_.base = *base;
  }
  if (header.type != PackEntryType::kBlob && header.size_bytes > kObjectSizeMaxBytes) {
    return Error{Errc::kUnsupported,
                 "an object of " + std::to_string(header.size_bytes) + " bytes"};
  }
  return {};
}

Result<std::uint32_t> PackIndexer::EntryAt(std::uint64_t offset) const {
  std::uint32_t begin = 0;
  std::uint32_t end = entries_->count();
  while (begin < end) {
    const std::uint32_t middle = begin + (end - begin) / 2;
    if (entries_->at(middle).offset < offset) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  if (begin == entries_->count() || entries_->at(begin).offset != offset) {
    return Broken("a delta's base is not where an entry begins");
  }
  return begin;
}

// Inflates an entry once so much has arrived that its stream must have ended.
Result<bool> PackIndexer::ParseWhole() {
  const std::string_view stream = Arrived().substr(header_->header_bytes);
  const std::uint64_t stream_size_max = StreamSizeMax(header_->size_bytes);
  if (stream.size() < stream_size_max && !ended_) return false;
  auto content = std::make_shared<std::string>(header_->size_bytes, '\0');
  const auto size = Inflate(stream, content->data(), header_->size_bytes);
  if (!size) {
    // Broken, or longer than any zlib would make it: the other inflater gives the verdict.
    piecewise_ =
        std::make_unique<Piecewise>(*header_, Crc32(0, Arrived().substr(0, header_->header_bytes)));
    Consume(header_->header_bytes);
    return true;
  }
  const std::size_t entry_size = header_->header_bytes + *size;
  const std::uint32_t crc32 = Crc32(0, Arrived().substr(0, entry_size));
  Consume(entry_size);
  if (auto ended = EndEntry(crc32, std::move(content), false); !ended) {
    return std::move(ended).error();
  }
  return true;
}

Result<bool> PackIndexer::ParsePiece() {
  char piece[kPieceBytes];
  const auto step = piecewise_->inflater.Inflate(Arrived(), piece, sizeof piece);
  if (!step) return step.error();
  if (piecewise_->hasher) piecewise_->hasher->Add({piece, step->produced_bytes});
  piecewise_->crc32 = Crc32(piecewise_->crc32, Arrived().substr(0, step->consumed_bytes));
  Consume(step->consumed_bytes);
  if (!piecewise_->inflater.done()) return step->consumed_bytes > 0 || step->produced_bytes > 0;
  const auto ended = std::move(piecewise_);
  if (ended->hasher) {
    const auto id = ended->hasher->Finish();
    if (!id) return id.error();
    entry_.oid = *id;
  }
  if (auto status = EndEntry(ended->crc32, nullptr, ended->hasher != nullptr); !status) {
    return std::move(status).error();
  }
  return true;
}

Status PackIndexer::EndEntry(std::uint32_t crc32, ContentPtr content, bool hashed) {
  entry_.crc32 = crc32;
  entry_.end = position_;
  if (content) Tell(*content);
  batch_bytes_ += content ? content->size() : 0;
  batch_.push_back({entries_->Append(entry_), std::move(content), hashed});
  ++arrived_count_;
  header_.reset();
  const bool full = batch_.size() >= kBatchCount || batch_bytes_ >= kBatchBytes;
  return full || entries_->count() == announced_count_ ? Submit() : Status();
}

void PackIndexer::Tell(std::string_view content) const {
  if (!options_.on_object) return;
  const bool is_wanted =
      entry_.packed_as == PackEntryType::kCommit || entry_.packed_as == PackEntryType::kTree;
  if (is_wanted) options_.on_object(ObjectTypeOf(entry_.packed_as), content);
}

Status PackIndexer::Submit() {
  batch_bytes_ = 0;
  return resolver_->Submit(std::exchange(batch_, {}));
}

Result<bool> PackIndexer::ParseTrailer() {
  if (trailer_seen_) {
    if (!Arrived().empty()) return Broken("it goes on behind its end");
    return false;
  }
  if (Arrived().size() < kPackTrailerSize) return false;
  arrived_checksum_.Add(
      std::string_view(window_).substr(checksum_begin_, window_begin_ - checksum_begin_));
  checksum_ = arrived_checksum_.Finish();
  if (checksum_ != Oid::FromRaw(Arrived().data())) return Broken("its checksum is wrong");
  trailer_seen_ = true;
  Consume(kPackTrailerSize);
  checksum_begin_ = window_begin_;
  return true;
}

void PackIndexer::Consume(std::size_t size_bytes) {
  window_begin_ += size_bytes;
  position_ += size_bytes;
}

// Brings the bases that are not in the pack, as few as suffice.
Status PackIndexer::Complete() {
  if (resolver_->resolved_count() == entries_->count()) return {};
  if (auto resolved = resolver_->ResolveByIds(); !resolved) return resolved;
  const auto waiting = resolver_->StillWaiting();
  if (waiting.empty()) return {};
  if (auto cut = file_->Truncate(position_ - kPackTrailerSize); !cut) return cut;
  for (const PackResolver::Waiting& delta : waiting) {
    if (entries_->at(delta.entry).base != PackEntry::kNone) continue;
    if (auto appended = AppendBase(delta.base); !appended) return appended;
    if (auto drained = resolver_->Drain(); !drained) return drained;
  }
  return RewriteFrame();
}

Status PackIndexer::AppendBase(const Oid& id) {
  if (options_.bases == nullptr) return Broken("it lacks the base " + id.Hex());
  auto object = options_.bases->Read(id);
  if (!object && object.error().code == Errc::kNotFound) {
    return Broken("it lacks the base " + id.Hex() + ", which is not here either");
  }
  if (!object) return std::move(object).error();
  const auto found = HashObject(object->type, object->content);
  if (!found) return found.error();
  if (*found != id) return Error{Errc::kCorrupt, "the base " + id.Hex() + " is damaged here"};
  const std::string bytes =
      PackEntryHeaderBytes(object->type, object->content.size()) + Deflate(object->content);
  PackEntry entry;
  entry.offset = file_->size_bytes();
  entry.end = entry.offset + bytes.size();
  entry.packed_as = PackEntryTypeOf(object->type);
  entry.size_bytes = object->content.size();
  entry.crc32 = Crc32(0, bytes);
  if (auto appended = file_->Append(bytes); !appended) return appended;
  auto content = std::make_shared<std::string>(std::move(object->content));
  return resolver_->Submit({{entries_->Append(entry), std::move(content)}});
}

// Counts and sums up anew what is in the file.
Status PackIndexer::RewriteFrame() {
  const std::string header = PackHeader(entries_->count());
  if (auto written = file_->WriteAt(0, header); !written) return written;
  FileChecksum checksum;
  std::string piece;
  for (std::uint64_t at = 0; at < file_->size_bytes(); at += piece.size()) {
    piece.resize(std::min<std::uint64_t>(file_->size_bytes() - at, kPieceBytes));
    if (auto read = file_->ReadAt(at, piece); !read) return read;
    checksum.Add(piece);
  }
  checksum_ = checksum.Finish();
  return file_->Append({reinterpret_cast<const char*>(checksum_.bytes.data()), Oid::kSize});
}

Status PackIndexer::WriteFiles() {
  assert(resolver_->resolved_count() == entries_->count());
  const auto order = SortByOid(*entries_);
  if (!order) return order.error();
  const std::string stem = (options_.directory / name()).string();
  const std::string index = (options_.directory / ("tmp_idx_" + checksum_.Hex())).string();
  const std::string sizes = stem + std::string(kPackSizesSuffix);
  Status status = WriteIndexes(index, stem + ".rev", *order);
  if (status && WorthPackSizes(entries_->count(), file_->size_bytes())) {
    status = WritePackSizes(sizes, SizesInOrder(*entries_, *order), checksum_);
  }
  if (status) status = file_->KeepAs(stem + ".pack");
  if (status) status = Rename(index, stem + ".idx");
  if (status) return {};
  for (const std::string& path : {index, sizes, stem + ".rev", stem + ".pack"}) {
    // What can't be removed now goes with the staging.
    static_cast<void>(RemoveTree(path));
  }
  return status;
}

Status PackIndexer::WriteIndexes(const std::string& index, const std::string& reverse,
                                 const std::vector<std::uint32_t>& order) {
  const auto reverse_fd = WriteReverseIndex(reverse, order, checksum_);
  if (!reverse_fd) return reverse_fd.error();
  const auto index_fd = WritePackIndex(index, *entries_, order, checksum_);
  if (!index_fd) return index_fd.error();
  if (auto synced = file_->Sync(); !synced) return synced;
  for (const UniqueFd* fd : {&*reverse_fd, &*index_fd}) {
    if (::fsync(fd->get()) != 0) return ErrnoError(errno, "fsync index");
  }
  return {};
}

Result<std::unique_ptr<PackSink>> OpenPackIndexer(const PackSinkRequest& request,
                                                  IoEngine& engine) {
  PackIndexerOptions options;
  options.engine = &engine;
  const std::filesystem::path objects = request.staging / "objects";
  options.directory = objects / "pack";
  options.keep_going = request.keep_going;
  options.on_object = request.on_object;
  const auto alternates = ReadFile(objects / "info" / "alternates", kAlternatesMaxBytes);
  if (!alternates && alternates.error().code != Errc::kNotFound) return alternates.error();
  if (alternates) {
    const std::string borrowed = alternates->substr(0, alternates->find('\n'));
    options.bases = std::make_shared<ObjectStore>(borrowed);
  }
  auto indexer = PackIndexer::Create(std::move(options));
  if (!indexer) return std::move(indexer).error();
  return std::unique_ptr<PackSink>(std::move(*indexer));
}

}  // namespace reposfs
