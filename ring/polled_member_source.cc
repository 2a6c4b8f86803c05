#include "ring/polled_member_source.h"

#include <algorithm>

#include "base/thread_pool.h"

namespace reposfs {

PolledMemberSource::PolledMemberSource(std::string name, Ask ask)
    : name_(std::move(name)), ask_(std::move(ask)) {}

PolledMemberSource::~PolledMemberSource() {
  Stop();
}

void PolledMemberSource::Start(Listener listener) {
  listener_ = std::move(listener);
  thread_ = std::thread([this] { Run(); });
}

void PolledMemberSource::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stop_.NotifyAll();
  }
  thread_.join();
}

void PolledMemberSource::Run() {
  using std::chrono::steady_clock;
  SetThreadName(name_);
  while (true) {
    Answer answer = ask_();
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
    }
    Tell(std::move(answer.members));
    const auto next = steady_clock::now() + answer.again_after;
    MutexLock lock(mutex_);
    while (!stopping_ && steady_clock::now() < next) {
      stop_.WaitFor(mutex_,
                    std::chrono::ceil<std::chrono::milliseconds>(next - steady_clock::now()));
    }
    if (stopping_) return;
  }
}

void PolledMemberSource::Tell(Result<std::vector<Member>> members) {
  if (!members) {
    if (told_error_ == members.error().message) return;
    told_error_ = members.error().message;
    listener_(std::move(members));
    return;
  }
  std::sort(members->begin(), members->end(),
            [](const Member& a, const Member& b) { return a.id < b.id; });
  if (told_error_ == "" && told_ == *members) return;
  told_error_ = "";
  told_ = *members;
  listener_(std::move(members));
}

}  // namespace reposfs
