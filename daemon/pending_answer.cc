#include "daemon/pending_answer.h"

#include <cassert>
#include <utility>

namespace reposfs {

PendingAnswer::~PendingAnswer() {
  MutexLock lock(mutex_);
  if (state_ == State::kGiven && response_.stream) response_.stream->Abandon();
}

void PendingAnswer::Give(HttpResponse response) {
  MutexLock lock(mutex_);
  if (state_ == State::kGiven || state_ == State::kTaken) {
    if (response.stream) response.stream->Abandon();
    return;
  }
  const bool suspended = state_ == State::kSuspended;
  response_ = std::move(response);
  state_ = State::kGiven;
  // Under the lock: the server may end as soon as every answer has been given.
  if (suspended) resume_();
}

std::optional<HttpResponse> PendingAnswer::Take() {
  MutexLock lock(mutex_);
  assert(state_ != State::kTaken);
  if (state_ == State::kGiven) {
    state_ = State::kTaken;
    return std::move(response_);
  }
  if (state_ == State::kAsked) suspend_();
  state_ = State::kSuspended;
  return std::nullopt;
}

}  // namespace reposfs
