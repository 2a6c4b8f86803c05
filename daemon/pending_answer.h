// The answer of one HTTP request: where who gives it meets who waits for it.
//
//                     Give()
//      asked -------------------------> given --Take()--> taken
//        |                                ^
//        | Take(): nothing yet            | Give(): `resume` is called
//        +---------> suspended -----------+
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) The first answer counts; later ones are dropped, and their streams abandoned.
//   (2) `suspend` and `resume` are called at most once each, in this order, and never at a time.
#pragma once

#include <functional>
#include <optional>

#include "base/mutex.h"
#include "daemon/http_server.h"

namespace reposfs {

class PendingAnswer {
 public:
  // Both are called with the lock of this class held, and must not call back.
  PendingAnswer(std::function<void()> suspend, std::function<void()> resume)
      : suspend_(std::move(suspend)), resume_(std::move(resume)) {}
  ~PendingAnswer();  // Abandons the stream of an answer that nobody has taken.
  PendingAnswer(const PendingAnswer&) = delete;
  PendingAnswer& operator=(const PendingAnswer&) = delete;

  void Give(HttpResponse response) REPOSFS_EXCLUDES(mutex_);

  // The answer; or nothing, and then `resume` is called as soon as it is there.
  // REQUIRES: the answer has not been taken.
  std::optional<HttpResponse> Take() REPOSFS_EXCLUDES(mutex_);

 private:
  enum class State { kAsked, kSuspended, kGiven, kTaken };

  const std::function<void()> suspend_;
  const std::function<void()> resume_;

  Mutex mutex_;  // Before libmicrohttpd's.
  State state_ REPOSFS_GUARDED_BY(mutex_) = State::kAsked;
  HttpResponse response_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace reposfs
