// The file that an arriving pack is written to and its entries are read from again.
//
// This is the only place of the indexer that writes the pack: how bytes reach the disk can change
// here alone.
//
//   Create() --Append()*--> written --Sync()--> on the disk --KeepAs()--> kept
//      |                       |                     |
//      +------~PackFile()------+---------------------+--> removed
//
// Thread-safety: one thread writes; ReadAt() may be called from any thread, for what was flushed
// before the call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace reposfs {

class PackFile {
 public:
  // A new file in `directory` under a name that git takes for rubbish of a broken transfer.
  static Result<PackFile> Create(const std::filesystem::path& directory);

  PackFile(PackFile&& other) noexcept;
  PackFile& operator=(PackFile&&) = delete;
  ~PackFile();

  // Written bytes are buffered until Flush() or until there are many.
  Status Append(std::string_view bytes);
  Status Flush();
  std::uint64_t size_bytes() const { return size_bytes_; }

  // Both flush.  What is cut off can be appended anew.
  Status Truncate(std::uint64_t size_bytes);
  Status WriteAt(std::uint64_t offset, std::string_view bytes);

  // Errors: kIo, also if there are fewer bytes.
  Status ReadAt(std::uint64_t offset, char* out, std::size_t size_bytes) const;

  // Flushes, and waits for the disk.
  Status Sync();
  // Gives the file its final name.  REQUIRES: Sync() was called last.
  Status KeepAs(const std::filesystem::path& path);

 private:
  PackFile(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::filesystem::path path_;  // Empty: kept, or moved away.
  std::string buffer_;
  std::uint64_t size_bytes_ = 0;  // With what is buffered.
};

}  // namespace reposfs
