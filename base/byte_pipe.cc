#include "base/byte_pipe.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace reposfs {

Status BytePipe::Put(std::string_view bytes) {
  std::function<void()> wake;
  {
    MutexLock lock(mutex_);
    // Time in which the maker had nothing to give says nothing about the taker.
    window_began_ = SteadyClock::now();
    window_taken_bytes_ = 0;
    while (!abandoned_ && held_.size() - taken_ >= limits_.capacity_bytes) {
      if (TooSlowLocked(SteadyClock::now())) {
        return Error{Errc::kTimedOut, "the client takes too long to read its answer"};
      }
      changed_.WaitFor(mutex_, limits_.window / 4);
    }
    if (abandoned_) return Error{Errc::kInterrupted, "the client has gone"};
    held_.append(bytes);
    wake = std::exchange(wake_, nullptr);
  }
  if (wake) wake();
  return {};
}

bool BytePipe::TooSlowLocked(SteadyClock::time_point now) {
  if (now - window_began_ < limits_.window) return false;
  const bool slow = window_taken_bytes_ < limits_.window_bytes;
  window_began_ = now;
  window_taken_bytes_ = 0;
  return slow;
}

void BytePipe::Finish(Status status) {
  std::function<void()> wake;
  {
    MutexLock lock(mutex_);
    if (!finished_) finished_ = std::move(status);
    wake = std::exchange(wake_, nullptr);
  }
  if (wake) wake();
}

Status BytePipe::KeepGoing() const {
  MutexLock lock(mutex_);
  if (!abandoned_) return {};
  return Error{Errc::kInterrupted, "the client has gone"};
}

Result<std::optional<std::size_t>> BytePipe::Take(char* out, std::size_t room_bytes,
                                                  std::function<void()> wake) {
  MutexLock lock(mutex_);
  const std::size_t size = std::min(room_bytes, held_.size() - taken_);
  if (size == 0) {
    if (finished_ && !*finished_) return finished_->error();
    if (finished_) return std::optional<std::size_t>(0);
    wake_ = std::move(wake);
    return std::optional<std::size_t>();
  }
  std::memcpy(out, held_.data() + taken_, size);
  taken_ += size;
  window_taken_bytes_ += size;
  // Seldom, since what is left moves.
  if (taken_ == held_.size() || taken_ >= limits_.capacity_bytes) {
    held_.erase(0, taken_);
    taken_ = 0;
  }
  if (held_.size() - taken_ < limits_.capacity_bytes) changed_.NotifyAll();
  return std::optional<std::size_t>(size);
}

void BytePipe::Abandon() {
  MutexLock lock(mutex_);
  abandoned_ = true;
  wake_ = nullptr;
  held_.clear();
  taken_ = 0;
  changed_.NotifyAll();
}

}  // namespace reposfs
