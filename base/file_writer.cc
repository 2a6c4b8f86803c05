#include "base/file_writer.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

namespace reposfs {

FileWriter::FileWriter(IoEngine& engine, UniqueFd file) : engine_(engine), file_(std::move(file)) {}

FileWriter::~FileWriter() {
  MutexLock lock(mutex_);
  while (in_flight_count_ > 0) written_.Wait(mutex_);
}

Status FileWriter::Append(std::span<const char> bytes) {
  while (!bytes.empty()) {
    if (!filling_) {
      if (Status begun = BeginChunk(); !begun) return begun;
    }
    Chunk& chunk = *filling_;
    const std::span<char> room = chunk.buffer.bytes().subspan(chunk.size_bytes);
    const std::size_t count = std::min(room.size(), bytes.size());
    // Nobody reads beyond size_bytes, so this needs no lock.
    std::memcpy(room.data(), bytes.data(), count);
    bytes = bytes.subspan(count);
    {
      MutexLock lock(mutex_);
      chunk.size_bytes += count;
      size_bytes_ += count;
    }
    if (count == room.size()) WriteChunk();
  }
  MutexLock lock(mutex_);
  return ErrorLocked();
}

Status FileWriter::BeginChunk() {
  auto chunk = std::make_shared<Chunk>();
  MutexLock lock(mutex_);
  while (in_flight_count_ >= kChunkCountMax - 1 && !error_) written_.Wait(mutex_);
  if (error_) return *error_;
  chunk->buffer = engine_.buffers().Lease();
  chunk->offset = size_bytes_;
  in_memory_.emplace(size_bytes_, chunk);
  filling_ = std::move(chunk);
  return {};
}

void FileWriter::WriteChunk() {
  const ChunkPtr chunk = std::exchange(filling_, nullptr);
  {
    MutexLock lock(mutex_);
    ++in_flight_count_;
  }
  engine_.Submit(WriteOperation{
      .fd = file_.get(),
      .offset = chunk->offset,
      .from = chunk->buffer.bytes().first(chunk->size_bytes),
      .done = [this, chunk](Status written) { ChunkWritten(*chunk, std::move(written)); }});
}

void FileWriter::ChunkWritten(const Chunk& chunk, Status written) {
  const bool good = written.has_value();
  {
    MutexLock lock(mutex_);
    if (good) {
      in_memory_.erase(chunk.offset);
    } else if (!error_) {
      error_ = std::move(written).error();
    }
  }
  // After the last chunk, and only the last is not full, comes fsync() itself.
  if (!good || chunk.size_bytes < chunk.buffer.bytes().size()) return OperationEnded();
  engine_.Submit(WritebackOperation{.fd = file_.get(),
                                    .offset = chunk.offset,
                                    .size_bytes = static_cast<std::uint32_t>(chunk.size_bytes),
                                    // It is only a hint: fsync() tells what goes wrong.
                                    .done = [this](const Status&) { OperationEnded(); }});
}

void FileWriter::OperationEnded() {
  MutexLock lock(mutex_);
  --in_flight_count_;
  // Under the lock: as soon as it is free, the writer may be gone.
  written_.NotifyAll();
}

FileWriter::Place FileWriter::Locate(std::uint64_t offset, std::size_t size_max_bytes) const {
  MutexLock lock(mutex_);
  auto next = in_memory_.upper_bound(offset);
  if (next != in_memory_.begin()) {
    const auto& [begin, chunk] = *std::prev(next);
    if (offset - begin < chunk->size_bytes) {
      return {chunk, std::min(size_max_bytes, chunk->size_bytes - (offset - begin))};
    }
  }
  if (next == in_memory_.end()) return {nullptr, size_max_bytes};
  return {nullptr, std::min(size_max_bytes, next->first - offset)};
}

Status FileWriter::ReadAt(std::uint64_t offset, std::span<char> into) const {
  const std::uint64_t size = size_bytes();
  if (offset > size || into.size() > size - offset) {
    return Error{Errc::kInvalidArgument, "read beyond what was appended"};
  }
  while (!into.empty()) {
    const Place place = Locate(offset, into.size());
    std::size_t count = place.size_bytes;
    if (place.chunk) {
      const auto bytes = place.chunk->buffer.bytes().subspan(offset - place.chunk->offset, count);
      std::memcpy(into.data(), bytes.data(), count);
    } else {
      // Just written, so the page cache has it: no slower than through the engine.
      const ssize_t got = ::pread(file_.get(), into.data(), count, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return ErrnoError(errno, "read back");
      if (got == 0) return Error{Errc::kIo, "read back: the file was cut"};
      count = static_cast<std::size_t>(got);
    }
    into = into.subspan(count);
    offset += count;
  }
  return {};
}

Status FileWriter::Finish() {
  if (filling_) WriteChunk();
  if (Status written = WaitUntilWritten(); !written) return written;
  if (::fsync(file_.get()) == 0) return {};
  MutexLock lock(mutex_);
  // What was not synced is lost for good: another fsync() would not tell.
  error_ = ErrnoError(errno, "fsync");
  return *error_;
}

Status FileWriter::WaitUntilWritten() {
  MutexLock lock(mutex_);
  while (in_flight_count_ > 0) written_.Wait(mutex_);
  return ErrorLocked();
}

Status FileWriter::ErrorLocked() const {
  if (error_) return *error_;
  return {};
}

std::uint64_t FileWriter::size_bytes() const {
  MutexLock lock(mutex_);
  return size_bytes_;
}

}  // namespace reposfs
