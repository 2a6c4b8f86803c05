#include "base/io_buffer.h"

#include <sys/mman.h>

#include <cassert>
#include <new>
#include <utility>

namespace reposfs {
namespace {

constexpr auto kAlignment = std::align_val_t{IoBufferPool::kAlignmentBytes};

}  // namespace

IoBuffer::IoBuffer(IoBuffer&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

IoBuffer& IoBuffer::operator=(IoBuffer&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

IoBuffer::~IoBuffer() {
  if (data_ == nullptr) return;
  if (pool_ != nullptr) {
    pool_->Return(data_);
  } else {
    ::operator delete(data_, kAlignment);
  }
}

IoBufferPool::IoBufferPool(std::size_t count, std::size_t size_bytes)
    : count_(count), size_bytes_(size_bytes) {
  assert(size_bytes > 0 && size_bytes % kAlignmentBytes == 0);
}

IoBufferPool::~IoBufferPool() {
  if (char* memory = memory_.load()) {
    assert(free_.size() == count_);
    ::munmap(memory, count_ * size_bytes_);
  }
}

IoBuffer IoBufferPool::Lease() {
  {
    MutexLock lock(mutex_);
    if (!mapped_) MapLocked();
    if (!free_.empty()) {
      char* data = free_.back();
      free_.pop_back();
      return {this, data, size_bytes_};
    }
  }
  return {nullptr, static_cast<char*>(::operator new(size_bytes_, kAlignment)), size_bytes_};
}

std::span<char> IoBufferPool::memory() const {
  char* memory = memory_.load();
  return {memory, memory == nullptr ? 0 : count_ * size_bytes_};
}

std::optional<std::size_t> IoBufferPool::IndexOf(std::span<const char> bytes) const {
  const std::span<const char> all = memory();
  // Compared as numbers: pointers into different objects have no order.
  const auto first = reinterpret_cast<std::uintptr_t>(all.data());
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
  if (all.empty() || begin < first || begin - first >= all.size()) return std::nullopt;
  const std::size_t index = (begin - first) / size_bytes_;
  const std::size_t end_of_buffer = (index + 1) * size_bytes_;
  if (bytes.size() > end_of_buffer - (begin - first)) return std::nullopt;
  return index;
}

void IoBufferPool::Return(char* data) {
  MutexLock lock(mutex_);
  free_.push_back(data);
}

void IoBufferPool::MapLocked() {
  mapped_ = true;
  if (count_ == 0) return;
  // Fork leaves it out: a child that copied registered pages on write would see torn ones.
  void* memory = ::mmap(nullptr, count_ * size_bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  ::madvise(memory, count_ * size_bytes_, MADV_DONTFORK);
  memory_.store(static_cast<char*>(memory));
  for (std::size_t index = count_; index-- > 0;) {
    free_.push_back(static_cast<char*>(memory) + index * size_bytes_);
  }
}

}  // namespace reposfs
