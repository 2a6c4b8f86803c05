// Keeps what a MemberSource tells, for a test to wait for.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "ring/member_source.h"
#include "tests/support/command.h"

namespace reposfs::testing {

class ListenedSource {
 public:
  explicit ListenedSource(std::unique_ptr<MemberSource> source) : source_(std::move(source)) {
    source_->Start([this](Result<std::vector<Member>> members) {
      MutexLock lock(mutex_);
      told_.push_back(Summary(members));
    });
  }
  ~ListenedSource() { Stop(); }
  ListenedSource(const ListenedSource&) = delete;
  ListenedSource& operator=(const ListenedSource&) = delete;

  void Stop() {
    if (source_) source_->Stop();
    source_.reset();
  }

  // "a=http://h:1 b=http://h:2*3" (weights other than 1 behind the star), or "error: ...".
  std::vector<std::string> told() {
    MutexLock lock(mutex_);
    return told_;
  }
  std::string last() {
    const auto all = told();
    return all.empty() ? "nothing" : all.back();
  }
  bool Tells(const std::string& summary) {
    return WaitUntil([&] { return last() == summary; }, std::chrono::seconds(20));
  }
  bool TellsError() {
    return WaitUntil([&] { return last().starts_with("error: "); }, std::chrono::seconds(20));
  }

  static std::string Summary(const Result<std::vector<Member>>& members) {
    if (!members) return "error: " + members.error().message;
    std::string text;
    for (const Member& member : *members) {
      text += (text.empty() ? "" : " ") + member.id + "=" + member.address;
      if (member.weight != 1) text += "*" + std::to_string(member.weight);
    }
    return text;
  }

 private:
  Mutex mutex_;  // A leaf lock.
  std::vector<std::string> told_ REPOSFS_GUARDED_BY(mutex_);
  std::unique_ptr<MemberSource> source_;
};

}  // namespace reposfs::testing
