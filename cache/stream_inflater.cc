#include "cache/stream_inflater.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>

namespace reposfs {
namespace {

// zlib counts in unsigned int.
constexpr std::size_t kStepMaxBytes = 1u << 30;

}  // namespace

struct StreamInflater::Zlib {
  z_stream stream{};
};

StreamInflater::StreamInflater(std::uint64_t size_bytes)
    : zlib_(std::make_unique<Zlib>()), rest_bytes_(size_bytes) {
  if (inflateInit(&zlib_->stream) != Z_OK) std::abort();
}

StreamInflater::~StreamInflater() {
  inflateEnd(&zlib_->stream);
}

Result<StreamInflater::Step> StreamInflater::Inflate(std::string_view input, char* out,
                                                     std::size_t room_bytes) {
  z_stream& stream = zlib_->stream;
  const std::size_t input_size = std::min(input.size(), kStepMaxBytes);
  // One more than is declared shows a stream that is too long.
  char beyond;
  const bool at_end = rest_bytes_ == 0;
  const std::size_t room =
      at_end ? 1 : std::min<std::uint64_t>({room_bytes, kStepMaxBytes, rest_bytes_});
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input_size);
  stream.next_out = reinterpret_cast<Bytef*>(at_end ? &beyond : out);
  stream.avail_out = static_cast<uInt>(room);
  const int code = inflate(&stream, Z_NO_FLUSH);
  const Step step{input_size - stream.avail_in, room - stream.avail_out};
  if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
    return Error{Errc::kCorrupt, "a broken zlib stream"};
  }
  if (at_end && step.produced_bytes > 0) {
    return Error{Errc::kCorrupt, "a zlib stream longer than declared"};
  }
  rest_bytes_ -= step.produced_bytes;
  done_ = code == Z_STREAM_END;
  if (done_ && rest_bytes_ > 0) {
    return Error{Errc::kCorrupt, "a zlib stream shorter than declared"};
  }
  return step;
}

}  // namespace reposfs
