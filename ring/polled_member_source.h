// A source that is asked again and again by a thread of its own: a file, DNS.
//
// Thread-safety: Start() and Stop() by the owner.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "ring/member_source.h"

namespace reposfs {

class PolledMemberSource final : public MemberSource {
 public:
  // The members, in any order, and when to ask again.
  struct Answer {
    Result<std::vector<Member>> members;
    std::chrono::milliseconds again_after;
  };
  using Ask = std::function<Answer()>;

  // `ask` may block for a few seconds; Stop() waits for it.  The thread is called `name`.
  PolledMemberSource(std::string name, Ask ask);
  ~PolledMemberSource() override;  // Stop()

  void Start(Listener listener) override;
  void Stop() override REPOSFS_EXCLUDES(mutex_);

 private:
  void Run() REPOSFS_EXCLUDES(mutex_);
  // Tells the listener if it is new.
  void Tell(Result<std::vector<Member>> members);

  const std::string name_;
  const Ask ask_;
  Listener listener_;  // Constant after Start().

  // What the listener was told last; of the thread only.
  std::vector<Member> told_;
  std::optional<std::string> told_error_;  // Empty text: it was told members.

  Mutex mutex_;  // A leaf lock.
  CondVar stop_;
  bool stopping_ REPOSFS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace reposfs
