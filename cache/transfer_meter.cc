#include "cache/transfer_meter.h"

#include <utility>

namespace reposfs {
namespace {

constexpr milliseconds kReportEvery(40);

std::string Seconds(milliseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

TransferMeter::TransferMeter(std::string url, milliseconds stall_timeout,
                             milliseconds total_timeout, OnProgress on_progress)
    : url_(std::move(url)),
      stall_timeout_(stall_timeout),
      total_timeout_(total_timeout),
      on_progress_(std::move(on_progress)) {}

Status TransferMeter::WhileWaiting() {
  if (Clock::now() - arrived_ < stall_timeout_) return Report();
  return Fail(Error{Errc::kTimedOut,
                    url_ + ": the server has sent nothing for " + Seconds(stall_timeout_)});
}

Status TransferMeter::WhileWorking() {
  arrived_ = Clock::now();
  return Report();
}

Status TransferMeter::WhenDone() {
  reported_ = {};
  return WhileWorking();
}

Status TransferMeter::Report() {
  const auto now = Clock::now();
  if (now - begun_ >= total_timeout_) {
    return Fail(Error{Errc::kTimedOut, url_ + ": still not done after " + Seconds(total_timeout_)});
  }
  if (now - reported_ < kReportEvery || !on_progress_) return {};
  reported_ = now;
  auto going = on_progress_(progress_);
  return going ? Status() : Fail(std::move(going).error());
}

Status TransferMeter::Fail(Error error) {
  failure_ = error;
  return error;
}

}  // namespace reposfs
