#include "cache/hedged_ask.h"

#include <pthread.h>

#include <utility>

namespace reposfs {
namespace {

constexpr milliseconds kLookEvery(20);

}  // namespace

HedgedAsk::~HedgedAsk() {
  cancelled_ = true;
  if (thread_.joinable()) thread_.join();
}

Status HedgedAsk::Look() {
  if (!asked()) {
    if (Clock::now() >= ask_at_) thread_ = std::thread([this] { Ask(); });
    return {};
  }
  MutexLock lock(mutex_);
  if (!answer_ || !*answer_) return {};
  return Error{Errc::kInterrupted, "another node has answered"};
}

void HedgedAsk::Ask() {
  pthread_setname_np(pthread_self(), "hedge");
  auto refs = transport_.ListRefs(source_, [this]() -> Status {
    if (cancelled_) return Error{Errc::kInterrupted, "another node has answered"};
    return {};
  });
  MutexLock lock(mutex_);
  answer_ = std::move(refs);
  ended_.NotifyAll();
}

Result<ListedRefs> HedgedAsk::Wait(const std::function<Status()>& keep_going) {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (!answer_) ended_.WaitFor(mutex_, kLookEvery);
      if (answer_) return *answer_;
    }
    if (auto going = keep_going(); !going) return std::move(going).error();
  }
}

}  // namespace reposfs
