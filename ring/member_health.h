// Whether one member answers, as far as checks and users of it know.
//
// The states and their edges are drawn at MemberState (ring/ring_view.h).
//
// Thread-safety: none; the owner locks.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "ring/ring_view.h"

namespace reposfs {

class MemberHealth {
 public:
  void Fail(const Error& error, WallTime now);
  void Succeed(WallTime now);

  MemberState state() const { return state_; }
  WallTime since() const { return since_; }
  const std::string& last_error() const { return last_error_; }

  // Whether the next success or failure alone would change the state: worth asking soon.
  bool is_undecided() const {
    return state_ == MemberState::kSuspect || (state_ == MemberState::kDown && successes_ > 0);
  }

 private:
  void Enter(MemberState state, WallTime now);

  MemberState state_ = MemberState::kUp;
  WallTime since_{};
  int successes_ = 0;  // In a row, while down.
  std::string last_error_;
};

}  // namespace reposfs
