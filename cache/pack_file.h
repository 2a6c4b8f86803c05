// The file that an arriving pack is written to and its entries are read from again.
//
// What arrives goes through a FileWriter, so that the disk works while the pack is being parsed.
// What is changed afterwards, in a thin pack, is written at once.
//
//   Create() --Append()*--> arriving --Sync()----------------------------> on the disk
//      |                       |                                             ^   |
//      |                       +--Truncate()--> being changed ----Sync()-----+   +--KeepAs()-->
//      kept
//      +---------------------------+------------ ~PackFile() --> removed
//
// Thread-safety: one thread writes; ReadAt() may be called from any thread, for what was appended
// before the call.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/file_writer.h"
#include "base/io_engine.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace reposfs {

class PackFile {
 public:
  // A new file in `directory` under a name that git takes for rubbish of a broken transfer.
  // `engine` outlives it.
  static Result<std::unique_ptr<PackFile>> Create(const std::filesystem::path& directory,
                                                  IoEngine& engine);
  ~PackFile();
  PackFile(const PackFile&) = delete;
  PackFile& operator=(const PackFile&) = delete;

  Status Append(std::string_view bytes);
  std::uint64_t size_bytes() const { return size_bytes_; }

  // What is cut off can be appended anew.
  Status Truncate(std::uint64_t size_bytes);
  // REQUIRES: Truncate() was called before.
  Status WriteAt(std::uint64_t offset, std::string_view bytes);

  // Errors: kIo, also if there are fewer bytes.
  Status ReadAt(std::uint64_t offset, std::span<char> into) const;

  // Waits for the disk.
  Status Sync();
  // Gives the file its final name.  REQUIRES: Sync() was called last.
  Status KeepAs(const std::filesystem::path& path);

 private:
  PackFile(IoEngine& engine, UniqueFd file, std::filesystem::path path)
      : path_(std::move(path)), writer_(engine, std::move(file)) {}

  std::filesystem::path path_;  // Empty: kept.
  FileWriter writer_;
  // No longer arriving.  Set before what it stands for is read (release), seen by who reads that.
  std::atomic<bool> changing_{false};
  std::uint64_t size_bytes_ = 0;
};

}  // namespace reposfs
