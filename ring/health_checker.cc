#include "ring/health_checker.h"

namespace reposfs {
namespace {

// One that is silent holds a thread for the timeout; the others must not wait for it.
constexpr std::size_t kThreadCountMax = 8;

}  // namespace

HealthChecker::HealthChecker(HealthCheckOptions options, Listener listener)
    : options_(std::move(options)),
      listener_(std::move(listener)),
      threads_("health", kThreadCountMax) {}

HealthChecker::~HealthChecker() {
  Stop();
}

void HealthChecker::Check(Member member) {
  threads_.Submit([this, member = std::move(member)] { Perform(member); });
}

void HealthChecker::Stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    for (HttpCaller* caller : callers_) caller->Stop();
  }
  threads_.Stop();
}

void HealthChecker::Perform(const Member& member) {
  // A connection of its own each time: it is asked whether it accepts one.
  HttpCaller caller(options_.tls);
  {
    MutexLock lock(mutex_);
    if (stopped_) return;
    callers_.insert(&caller);
  }
  const Status status = Ask(member, caller);
  {
    MutexLock lock(mutex_);
    callers_.erase(&caller);
    if (stopped_) return;
  }
  listener_(member, status);
}

Status HealthChecker::Ask(const Member& member, HttpCaller& caller) const {
  HttpCall call;
  call.url = member.address + "/healthz";
  call.deadline = std::chrono::steady_clock::now() + options_.timeout;
  constexpr std::size_t kAnswerSizeBytesMax = 64u << 10;
  call.answer_size_bytes_max = kAnswerSizeBytesMax;
  if (!options_.token.empty()) call.headers.push_back("Authorization: Bearer " + options_.token);
  const auto answer = caller.Perform(call);
  if (!answer) return answer.error();
  if (answer->status == 200) return {};
  return Error{Errc::kUnreachable,
               call.url + " answers with status " + std::to_string(answer->status)};
}

}  // namespace reposfs
