#include "cache/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cassert>

namespace reposfs {
namespace {

constexpr int kGzipFormat = 16;

struct InflateEnd {
  z_stream& stream;
  ~InflateEnd() { inflateEnd(&stream); }
};

}  // namespace

std::string Gzip(std::string_view text) {
  constexpr int kMemoryLevel = 8;  // zlib's default.
  z_stream stream{};
  int code = deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzipFormat,
                          kMemoryLevel, Z_DEFAULT_STRATEGY);
  assert(code == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  code = deflate(&stream, Z_FINISH);
  assert(code == Z_STREAM_END);
  static_cast<void>(code);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<std::string> Gunzip(std::string_view gzipped, std::size_t size_max_bytes) {
  z_stream stream{};
  [[maybe_unused]] const int begun = inflateInit2(&stream, MAX_WBITS + kGzipFormat);
  assert(begun == Z_OK);
  const InflateEnd end{stream};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzipped.data()));
  stream.avail_in = static_cast<uInt>(gzipped.size());
  std::string out;
  while (true) {
    constexpr std::size_t kFirstBytes = 64u << 10;
    const std::size_t before = out.size();
    // One byte more than allowed tells that there is more.
    out.resize(std::min(std::max(before * 2, kFirstBytes), size_max_bytes + 1));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(out.size() - before);
    const int code = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (out.size() > size_max_bytes) {
      return Error{Errc::kNoSpace, "more than " + std::to_string(size_max_bytes) + " bytes"};
    }
    if (code == Z_STREAM_END) return out;
    const bool goes_on = code == Z_OK && (stream.avail_out == 0 || stream.avail_in > 0);
    if (!goes_on) return Error{Errc::kCorrupt, "what came is not in the format of gzip"};
  }
}

}  // namespace reposfs
