// An answer that leaves while it is made: where a BytePipe meets a server that never waits.
//
//               Next(): nothing there           woken
//      flowing ----------------------> suspended -----> flowing
//
// Thread-safety: Next() is called by one thread; the pipe is filled by another.
//
// Invariants:
//   (1) Each call of `suspend` is followed by at most one of `resume`, and never at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/byte_pipe.h"
#include "base/mutex.h"

namespace reposfs {

class ResponseStream : public std::enable_shared_from_this<ResponseStream> {
 public:
  // Both are called with the lock of this class held, and must not call back.
  ResponseStream(std::shared_ptr<BytePipe> pipe, std::function<void()> suspend,
                 std::function<void()> resume)
      : pipe_(std::move(pipe)), suspend_(std::move(suspend)), resume_(std::move(resume)) {}

  // Takes up to `room_bytes`, at `out`.  0 is the end; nothing means that there is nothing yet, and
  // the connection is suspended until there is.  Errors: those of the pipe.
  Result<std::optional<std::size_t>> Next(char* out, std::size_t room_bytes)
      REPOSFS_EXCLUDES(mutex_);

  // Nobody takes it any more: `suspend` and `resume` are not called after this.
  void Close() REPOSFS_EXCLUDES(mutex_);

  // The answer ends here, as a failure.
  void Cut() { pipe_->Finish(Error{Errc::kInterrupted, "reposfs is stopping"}); }

 private:
  void Wake() REPOSFS_EXCLUDES(mutex_);

  const std::shared_ptr<BytePipe> pipe_;
  const std::function<void()> suspend_;
  const std::function<void()> resume_;

  Mutex mutex_;  // Before libmicrohttpd's; after none.
  bool woken_ REPOSFS_GUARDED_BY(mutex_) = false;
  bool suspended_ REPOSFS_GUARDED_BY(mutex_) = false;
  bool closed_ REPOSFS_GUARDED_BY(mutex_) = false;
};

}  // namespace reposfs
