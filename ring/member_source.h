// Where the list of members comes from: the configuration, a file, DNS, etcd.
//
// A source tells what it knows and nothing about who answers.  Whoever listens keeps the last list
// when a source fails: a directory service that is down for a while must not move repositories.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "ring/member.h"

namespace reposfs {

class MemberSource {
 public:
  // All members, which passed CheckMembers(), or why they can't be known now.
  using Listener = std::function<void(Result<std::vector<Member>>)>;

  // REQUIRES: Stop() has been called if Start() was.
  virtual ~MemberSource() = default;

  // Calls `listener` with the members as soon as they are known, again whenever they have changed,
  // and with an error whenever they can't be known: at once, or from a thread of its own, one call
  // at a time.  `listener` must not block.
  virtual void Start(Listener listener) = 0;

  // No call of the listener begins after it has returned.  Waits for one that runs.
  virtual void Stop() = 0;
};

}  // namespace reposfs
