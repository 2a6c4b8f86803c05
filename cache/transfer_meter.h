// Watches one exchange with a server: reports its progress, and ends it when it takes too long.
//
// Thread-safety: none.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "cache/options.h"
#include "cache/transport.h"

namespace reposfs {

class TransferMeter {
 public:
  using OnProgress = std::function<Status(const FetchProgress&)>;

  // `on_progress` may be empty.
  TransferMeter(std::string url, milliseconds stall_timeout, milliseconds total_timeout,
                OnProgress on_progress);

  // What is reported.
  FetchProgress& progress() { return progress_; }

  // Why one of the calls below has failed, if one has.
  const std::optional<Error>& failure() const { return failure_; }

  // The server has shown a sign of life.
  void Arrived() { arrived_ = Clock::now(); }

  // To be called often while nothing but the server is waited for.  Calls `on_progress` about 20
  // times a second.  Errors: those of `on_progress`; kTimedOut.
  Status WhileWaiting();

  // The same while what has come is being worked on, and the server can't be blamed for silence.
  Status WhileWorking();

  // The same at once, since a part of the work is done.
  Status WhenDone();

 private:
  using Clock = std::chrono::steady_clock;

  Status Report();
  Status Fail(Error error);

  const std::string url_;
  const milliseconds stall_timeout_;
  const milliseconds total_timeout_;
  const OnProgress on_progress_;
  const Clock::time_point begun_ = Clock::now();

  FetchProgress progress_;
  std::optional<Error> failure_;
  Clock::time_point arrived_ = begun_;
  Clock::time_point reported_;  // The epoch: at once.
};

}  // namespace reposfs
