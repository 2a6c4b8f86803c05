#include "daemon/response_stream.h"

namespace reposfs {

Result<std::optional<std::size_t>> ResponseStream::Next(char* out, std::size_t room_bytes) {
  while (true) {
    {
      MutexLock lock(mutex_);
      woken_ = false;
    }
    auto taken = pipe_->Take(out, room_bytes, [self = shared_from_this()] { self->Wake(); });
    if (!taken || *taken) return taken;
    MutexLock lock(mutex_);
    if (woken_) continue;  // Something has come since.
    suspended_ = true;
    suspend_();
    return taken;
  }
}

void ResponseStream::Wake() {
  MutexLock lock(mutex_);
  woken_ = true;
  if (!suspended_ || closed_) return;
  suspended_ = false;
  resume_();
}

void ResponseStream::Close() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  pipe_->Abandon();
}

}  // namespace reposfs
