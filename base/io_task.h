// One operation on its way through an IoEngine, whichever way it is carried out.
//
// Thread-safety: none; it belongs to one thread at a time.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/io_engine.h"

namespace reposfs {

struct IoTask {
  // So often does one operation answer EINTR or EAGAIN in a row before that is its result.
  static constexpr int kRetryCountMax = 64;
  // Of one system call: the kernel's own limit is just below 2 GiB.
  static constexpr std::size_t kCallBytesMax = 1u << 30;

  IoTask(IoToken name, IoOperation what) : token(name), operation(std::move(what)) {}

  // Takes what a system call for the operation returned: a count, a descriptor, or -errno.  False
  // if there must be another call, for the rest or for a new attempt.
  bool Take(std::int64_t result);

  // Ends the operation without a call.
  void Cancel();

  // Tells the callback.  REQUIRES: Take() has returned true, or Cancel() was called.
  void Finish();

  // What is left to read or write.
  std::span<char> RestToRead() const;
  std::span<const char> RestToWrite() const;

  const IoToken token;
  IoOperation operation;
  bool cancelled = false;
  std::size_t transferred_bytes = 0;
  struct statx info {};

 private:
  bool TakeTransfer(std::size_t count);

  int retry_count_ = 0;
  std::int64_t result_ = 0;
};

}  // namespace reposfs
