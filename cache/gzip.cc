#include "cache/gzip.h"

#include <zlib.h>

#include <cassert>

namespace reposfs {

std::string Gzip(std::string_view text) {
  constexpr int kGzipFormat = 16;
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

}  // namespace reposfs
