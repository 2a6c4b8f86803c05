#include "cache/pkt_line.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdio>
#include <optional>

#include "base/text.h"

namespace reposfs {
namespace {

constexpr std::size_t kHeaderBytes = 4;

// Nothing if no packet has such a header.
std::optional<std::size_t> LengthIn(std::string_view header) {
  std::size_t length = 0;
  const char* const end = header.data() + header.size();
  const auto [parsed, failure] = std::from_chars(header.data(), end, length, 16);
  if (failure != std::errc() || parsed != end) return std::nullopt;
  if (length == 3 || length > kPktMaxBytes) return std::nullopt;
  return length;
}

// How much of `bytes` the packet at their beginning takes.
std::size_t SizeOf(std::size_t length) {
  return std::max(length, kHeaderBytes);
}

Pkt MakePkt(std::size_t length, std::string_view whole) {
  switch (length) {
    case 0:
      return {PktType::kFlush, {}};
    case 1:
      return {PktType::kDelimiter, {}};
    case 2:
      return {PktType::kResponseEnd, {}};
    default:
      return {PktType::kData, whole.substr(kHeaderBytes)};
  }
}

}  // namespace

Status PktReader::Add(std::string_view bytes, const Handler& handler) {
  while (!bytes.empty()) {
    // Only a packet that came in several pieces is copied.
    std::string_view at = begun_.empty() ? bytes : std::string_view(begun_);
    if (at.size() < kHeaderBytes) {
      const std::size_t missing = kHeaderBytes - begun_.size();
      begun_ += bytes.substr(0, missing);
      bytes.remove_prefix(std::min(missing, bytes.size()));
      if (begun_.size() < kHeaderBytes) return {};
      at = begun_;
    }
    const auto length = LengthIn(at.substr(0, kHeaderBytes));
    if (!length) {
      return Error{Errc::kCorrupt, "not git's protocol: \"" +
                                       Printable(at.substr(0, kHeaderBytes)) +
                                       "\" instead of the length of a line"};
    }
    const std::size_t size = SizeOf(*length);
    if (begun_.empty() && bytes.size() >= size) {
      if (auto handled = handler(MakePkt(*length, bytes.substr(0, size))); !handled) return handled;
      bytes.remove_prefix(size);
      continue;
    }
    const std::size_t missing = size - begun_.size();
    begun_ += bytes.substr(0, missing);
    bytes.remove_prefix(std::min(missing, bytes.size()));
    if (begun_.size() < size) return {};
    Status handled = handler(MakePkt(*length, begun_));
    begun_.clear();
    if (!handled) return handled;
  }
  // A header alone can be a whole packet.
  return {};
}

void AppendPkt(std::string_view line, std::string& out) {
  assert(line.size() + kHeaderBytes <= kPktMaxBytes);
  char header[kHeaderBytes + 1];
  std::snprintf(header, sizeof header, "%04zx", (line.size() + kHeaderBytes) & 0xffff);
  out.append(header, kHeaderBytes).append(line);
}

void AppendDelimiter(std::string& out) {
  out += "0001";
}

void AppendFlush(std::string& out) {
  out += "0000";
}

}  // namespace reposfs
