#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/file_util.h"

namespace reposfs {

Result<MappedFile> MappedFile::Open(const std::filesystem::path& path) {
  auto file = OpenFile(path, O_RDONLY);
  if (!file) return std::move(file).error();
  struct stat info {};
  if (::fstat(file->get(), &info) != 0) return ErrnoError(errno, "stat " + path.string());
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return MappedFile(std::string_view());
  void* const begin = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file->get(), 0);
  if (begin == MAP_FAILED) return ErrnoError(errno, "map " + path.string());
  return MappedFile(std::string_view(static_cast<const char*>(begin), size));
}

MappedFile::~MappedFile() {
  if (bytes_.empty()) return;
  ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

}  // namespace reposfs
