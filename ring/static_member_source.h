// Members that the configuration lists and that never change.
#pragma once

#include <utility>
#include <vector>

#include "ring/member_source.h"

namespace reposfs {

class StaticMemberSource final : public MemberSource {
 public:
  // REQUIRES: CheckMembers(members).
  explicit StaticMemberSource(std::vector<Member> members) : members_(std::move(members)) {}

  void Start(Listener listener) override { listener(members_); }
  void Stop() override {}

 private:
  const std::vector<Member> members_;
};

}  // namespace reposfs
