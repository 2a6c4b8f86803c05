#include "cache/inflate.h"

#include <libdeflate.h>

#include <cstdlib>
#include <memory>

namespace reposfs {
namespace {

struct DecompressorDeleter {
  void operator()(libdeflate_decompressor* decompressor) const noexcept {
    libdeflate_free_decompressor(decompressor);
  }
};

libdeflate_decompressor* Decompressor() {
  thread_local const std::unique_ptr<libdeflate_decompressor, DecompressorDeleter> decompressor(
      libdeflate_alloc_decompressor());
  return decompressor.get();
}

}  // namespace

Result<std::size_t> Inflate(std::string_view compressed, char* out, std::size_t size) {
  std::size_t consumed = 0;
  std::size_t produced = 0;
  const libdeflate_result result = libdeflate_zlib_decompress_ex(
      Decompressor(), compressed.data(), compressed.size(), out, size, &consumed, &produced);
  if (result != LIBDEFLATE_SUCCESS || produced != size) {
    return Error{Errc::kCorrupt, "a damaged zlib stream"};
  }
  return consumed;
}

std::uint64_t StreamSizeMax(std::uint64_t size) {
  // Stored blocks, as zlib writes them with the smallest of its buffers, and its frame.
  return size + (size >> 6) + 64;
}

std::string Deflate(std::string_view content) {
  constexpr int kLevel = 6;
  libdeflate_compressor* const compressor = libdeflate_alloc_compressor(kLevel);
  if (compressor == nullptr) std::abort();
  std::string stream(libdeflate_zlib_compress_bound(compressor, content.size()), '\0');
  stream.resize(libdeflate_zlib_compress(compressor, content.data(), content.size(), stream.data(),
                                         stream.size()));
  libdeflate_free_compressor(compressor);
  return stream;
}

std::uint32_t Crc32(std::uint32_t crc32, std::string_view bytes) {
  return libdeflate_crc32(crc32, bytes.data(), bytes.size());
}

}  // namespace reposfs
