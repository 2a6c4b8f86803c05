#include "ring/member_health.h"

namespace reposfs {

void MemberHealth::Enter(MemberState state, WallTime now) {
  state_ = state;
  since_ = now;
  successes_ = 0;
}

void MemberHealth::Fail(const Error& error, WallTime now) {
  last_error_ = error.message;
  successes_ = 0;
  if (state_ == MemberState::kUp) {
    Enter(MemberState::kSuspect, now);
  } else if (state_ == MemberState::kSuspect) {
    Enter(MemberState::kDown, now);
  }
}

void MemberHealth::Succeed(WallTime now) {
  constexpr int kSuccessesToReturn = 2;
  if (state_ == MemberState::kSuspect) {
    Enter(MemberState::kUp, now);
  } else if (state_ == MemberState::kDown && ++successes_ == kSuccessesToReturn) {
    Enter(MemberState::kUp, now);
  }
}

}  // namespace reposfs
