#include "cache/inflate.h"

#include <libdeflate.h>

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

}  // namespace reposfs
