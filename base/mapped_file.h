// A whole file, mapped for reading.
//
// Thread-safety: immutable after Open(); any thread may read.
//
// A failing disk, or a file that somebody else truncates, ends the process with SIGBUS: only for
// files that nobody changes in place.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace reposfs {

class MappedFile {
 public:
  // Errors: kNotFound; those of open() and mmap().
  static Result<MappedFile> Open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedFile();

  std::string_view bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::string_view bytes) : bytes_(bytes) {}

  std::string_view bytes_;  // Empty: nothing is mapped.
};

}  // namespace reposfs
