// Appends to a new file while what came before is still on its way there.
//
// A pack arrives in small pieces, must be parsed as it comes, and in the end be on the disk.  The
// writer gathers pieces into large aligned chunks and leaves those to an IoEngine, so that the
// caller parses on meanwhile, and the disk is kept busy: an fsync() of 243 MB that was left to the
// end takes 70 ms on a disk of 3 GB/s, and seconds on others.  What was appended can be read back
// at any time.
//
//   FileWriter writer(engine, std::move(fd));
//   while (...) if (auto appended = writer.Append(bytes); !appended) return appended;
//   writer.ReadAt(offset, into);
//   if (auto finished = writer.Finish(); !finished) return finished;
//
// Thread-safety: Append() and Finish() from one thread at a time; ReadAt() and size_bytes() from
// any, at any time.
//
// Invariants:
//   (1) At most kChunkCountMax chunks of the engine's buffer size are in memory.
//   (2) After a failure every Append() and Finish() returns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "base/io_engine.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace reposfs {

class FileWriter {
 public:
  // The one that is being filled among them.
  static constexpr std::size_t kChunkCountMax = 5;

  // Writes from the start of `file`, which is open for reading and writing.  `engine` outlives it.
  FileWriter(IoEngine& engine, UniqueFd file);
  // Waits for what is in flight; without Finish(), anything may be missing in the file.
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // Copies `bytes`; blocks while too many chunks are in flight.
  // Errors: of any write so far: kNoSpace, kIo.
  Status Append(std::span<const char> bytes) REPOSFS_EXCLUDES(mutex_);

  // Fills `into` from `offset` on, wherever those bytes are now.
  // Errors: kInvalidArgument if not so much was appended; kIo.
  Status ReadAt(std::uint64_t offset, std::span<char> into) const REPOSFS_EXCLUDES(mutex_);

  // Blocks until all is written, and safe from a loss of power; the name of the file is not
  // (SyncDirectory).  Appending may go on.
  // Errors: of any write so far, or of fsync().
  Status Finish() REPOSFS_EXCLUDES(mutex_);

  // Appended so far.
  std::uint64_t size_bytes() const REPOSFS_EXCLUDES(mutex_);

  // The file, of which only what Finish() has seen is sure to be there.
  int fd() const { return file_.get(); }

 private:
  struct Chunk {
    IoBuffer buffer;
    std::uint64_t offset = 0;
    std::size_t size_bytes = 0;
  };
  using ChunkPtr = std::shared_ptr<Chunk>;

  // A range of bytes that is in memory, or may be read from the file.
  struct Place {
    ChunkPtr chunk;  // Null: in the file.
    std::size_t size_bytes = 0;
  };

  Status BeginChunk() REPOSFS_EXCLUDES(mutex_);
  void WriteChunk() REPOSFS_EXCLUDES(mutex_);
  void ChunkWritten(const Chunk& chunk, Status written) REPOSFS_EXCLUDES(mutex_);
  void OperationEnded() REPOSFS_EXCLUDES(mutex_);
  Place Locate(std::uint64_t offset, std::size_t size_max_bytes) const REPOSFS_EXCLUDES(mutex_);
  Status WaitUntilWritten() REPOSFS_EXCLUDES(mutex_);
  Status ErrorLocked() const REPOSFS_REQUIRES(mutex_);

  IoEngine& engine_;
  const UniqueFd file_;

  // The chunk that is being filled; only the appending thread changes what it points to.
  ChunkPtr filling_;

  mutable Mutex mutex_;  // A leaf lock.
  mutable CondVar written_;
  std::uint64_t size_bytes_ REPOSFS_GUARDED_BY(mutex_) = 0;
  // What is not known to be in the file, by offset.  The last one may be filling_.
  std::map<std::uint64_t, ChunkPtr> in_memory_ REPOSFS_GUARDED_BY(mutex_);
  std::size_t in_flight_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
  std::optional<Error> error_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
