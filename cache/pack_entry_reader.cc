#include "cache/pack_entry_reader.h"

#include <algorithm>

#include "cache/inflate.h"
#include "cache/stream_inflater.h"

namespace reposfs {
namespace {

// Entries longer than this are read in pieces of this size.
constexpr std::size_t kInputMaxBytes = 1u << 20;

}  // namespace

Result<ContentPtr> PackEntryReader::Read(std::uint32_t entry, LargeObjectTurn& turn) {
  const std::uint64_t begin = entries_.at(entry).offset;
  const std::uint64_t end = entries_.at(entry).end;
  input_.resize(std::min<std::uint64_t>(end - begin, kInputMaxBytes));
  if (auto read = file_.ReadAt(begin, input_); !read) return read.error();
  const auto header = ParsePackEntryHeader(input_, begin);
  if (!header) return header.error();
  const std::uint64_t size_bytes = header->size_bytes;
  const std::size_t header_size = header->header_bytes;
  if (size_bytes > kObjectSizeMaxBytes) {
    return Error{Errc::kUnsupported, "an object of " + std::to_string(size_bytes) + " bytes"};
  }
  if (auto status = turn.Need(size_bytes); !status) return std::move(status).error();
  auto content = std::make_shared<std::string>(size_bytes, '\0');
  const bool whole = input_.size() == end - begin;
  if (whole && Inflate(std::string_view(input_).substr(header_size), content->data(), size_bytes)) {
    return ContentPtr(std::move(content));
  }
  if (auto inflated = InflateInPieces(begin + header_size, end, *content); !inflated) {
    return std::move(inflated).error();
  }
  return ContentPtr(std::move(content));
}

Status PackEntryReader::InflateInPieces(std::uint64_t begin, std::uint64_t end,
                                        std::string& content) {
  StreamInflater inflater(content.size());
  std::size_t produced = 0;
  while (!inflater.done()) {
    input_.resize(std::min<std::uint64_t>(end - begin, kInputMaxBytes));
    if (auto read = file_.ReadAt(begin, input_); !read) return read;
    const auto step =
        inflater.Inflate(input_, content.data() + produced, content.size() - produced);
    if (!step) return step.error();
    if (step->consumed_bytes == 0 && step->produced_bytes == 0 && !inflater.done()) {
      return Error{Errc::kCorrupt, "pack entry: it ends too early"};
    }
    begin += step->consumed_bytes;
    produced += step->produced_bytes;
  }
  return {};
}

}  // namespace reposfs
