#include "daemon/warm_tracker.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "daemon/json_fields.h"

namespace reposfs {
namespace {

using nlohmann::json;

// Between the end of one job and the start of the next, a repository looks idle for a moment.
constexpr int kIdleAnswerCountMax = 10;

std::size_t StageIndex(const std::string& stage) {
  constexpr std::array<std::string_view, 4> kStages = {"absent", "tip", "content", "complete"};
  const auto found = std::find(kStages.begin(), kStages.end(), stage);
  return found == kStages.end() ? 0 : static_cast<std::size_t>(found - kStages.begin());
}

// Tells one failure from the next of the same kind.
std::string ErrorIdentity(const json& repository) {
  const std::string error = TextField(repository, "error");
  return error.empty() ? "" : TextField(repository, "errorAt") + " " + error;
}

bool SomebodyWorksOn(const json& repository) {
  const bool progress = repository.contains("progress") && repository["progress"].is_object();
  const json& jobs = ArrayField(repository, "jobs");
  return progress || std::any_of(jobs.begin(), jobs.end(), [](const json& job) {
           return TextField(job, "state") != "failed";
         });
}

}  // namespace

WarmTracker::WarmTracker(std::string key, std::string target_stage, const json& before)
    : key_(std::move(key)),
      target_stage_(std::move(target_stage)),
      error_before_(ErrorIdentity(before)) {
  progress_.key = key_;
  progress_.activity = "queued";
}

void WarmTracker::Observe(const json& repository, Clock::time_point now) {
  assert(state_ == State::kWaiting);
  last_answer_ = repository;
  ObserveProgress(repository, now);
  const std::string stage = TextField(repository, "stage");
  if (StageIndex(stage) >= StageIndex(target_stage_)) {
    state_ = State::kDone;
    progress_.activity = stage;
    progress_.objects = progress_.objects_total = 1;
    return;
  }
  const std::string error = ErrorIdentity(repository);
  if (!error.empty() && error != error_before_) {
    return Fail(Error{Errc::kIo, TextField(repository, "error")});
  }
  idle_answer_count_ = SomebodyWorksOn(repository) ? 0 : idle_answer_count_ + 1;
  if (idle_answer_count_ < kIdleAnswerCountMax) return;
  const std::string why = error.empty() ? "the daemon stopped at stage " + stage +
                                              "; `history` in the configuration may say so"
                                        : TextField(repository, "error");
  Fail(Error{Errc::kIo, why});
}

void WarmTracker::Fail(Error error) {
  state_ = State::kFailed;
  progress_.activity = "failed";
  error_ = std::move(error);
}

void WarmTracker::ObserveProgress(const json& repository, Clock::time_point now) {
  if (!repository.contains("progress") || !repository["progress"].is_object()) return;
  const json& progress = repository["progress"];
  const std::string kind = TextField(progress, "kind");
  const std::uint64_t received = NumberField(progress, "receivedBytes");
  const bool another_transfer = kind != progress_.activity || received < rate_bytes_;
  progress_.activity = kind;
  progress_.received_bytes = received;
  progress_.objects = NumberField(progress, "objects");
  progress_.objects_total = NumberField(progress, "objectsTotal");
  if (another_transfer) {
    rate_since_ = now;
    rate_bytes_ = received;
    return;
  }
  // Over at least a second, so that the number can be read.
  const std::chrono::duration<double> elapsed = now - rate_since_;
  if (elapsed < std::chrono::seconds(1)) return;
  const double rate = static_cast<double>(received - rate_bytes_) / elapsed.count();
  progress_.bytes_per_second = static_cast<std::uint64_t>(rate);
  rate_since_ = now;
  rate_bytes_ = received;
}

}  // namespace reposfs
