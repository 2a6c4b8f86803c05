// Follows one repository from the request to warm it until it is warm, or can't be.
//
//   kWaiting --Observe()--> kWaiting   not there yet
//            --Observe()--> kDone      the stage is reached
//            --Observe()--> kFailed    a new error appeared, or nobody works on it any more
//            --Fail()-----> kFailed    the daemon refused
//
// Thread-safety: none; a tracker belongs to one command.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "daemon/progress_bar.h"

namespace reposfs {

class WarmTracker {
 public:
  using Clock = std::chrono::steady_clock;
  enum class State { kWaiting, kDone, kFailed };

  // `before` is what /v1/repos/{key} said before the request, null if nothing: an error that was
  // there already is not an answer to it.
  WarmTracker(std::string key, std::string target_stage, const nlohmann::json& before);

  // Takes in an answer of /v1/repos/{key}, given at `now`.  REQUIRES: state() == kWaiting.
  void Observe(const nlohmann::json& repository, Clock::time_point now);
  void Fail(Error error);

  State state() const { return state_; }
  const std::string& key() const { return key_; }
  const WarmProgress& progress() const { return progress_; }
  const nlohmann::json& last_answer() const { return last_answer_; }
  // REQUIRES: state() == kFailed.
  const Error& error() const { return error_; }

 private:
  void ObserveProgress(const nlohmann::json& repository, Clock::time_point now);

  const std::string key_;
  const std::string target_stage_;
  const std::string error_before_;
  State state_ = State::kWaiting;
  WarmProgress progress_;
  nlohmann::json last_answer_;
  Error error_{Errc::kIo, ""};
  // Answers in a row that showed neither progress nor a job.
  int idle_answer_count_ = 0;
  Clock::time_point rate_since_;
  std::uint64_t rate_bytes_ = 0;
};

}  // namespace reposfs
