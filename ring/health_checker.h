// Asks members whether they are well: GET /healthz, from a few threads of its own.
//
// Thread-safety: Check() may be called from any thread, Stop() by the owner.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "base/mutex.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "ring/http_call.h"
#include "ring/member.h"

namespace reposfs {

struct HealthCheckOptions {
  std::chrono::milliseconds timeout = std::chrono::seconds(2);
  HttpTlsOptions tls;
  std::string token;  // Sent as `Authorization: Bearer ...`; empty: not sent.
};

class HealthChecker {
 public:
  // Is given the member as it was asked and what came of it: an answer of status 200, or why not.
  using Listener = std::function<void(const Member& member, const Status& status)>;

  // `listener` is called from the checker's threads with no lock held; not after Stop().
  HealthChecker(HealthCheckOptions options, Listener listener);
  ~HealthChecker();  // Stop()
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;

  // Returns at once.  Who calls has at most one check of each member on its way.
  void Check(Member member);

  // Ends the checks that run, drops the others and joins.
  void Stop() REPOSFS_EXCLUDES(mutex_);

 private:
  void Perform(const Member& member) REPOSFS_EXCLUDES(mutex_);
  Status Ask(const Member& member, HttpCaller& caller) const;

  const HealthCheckOptions options_;
  const Listener listener_;

  Mutex mutex_;  // A leaf lock.
  bool stopped_ REPOSFS_GUARDED_BY(mutex_) = false;
  std::set<HttpCaller*> callers_ REPOSFS_GUARDED_BY(mutex_);

  ThreadPool threads_;  // Last, so that its threads end before what they use.
};

}  // namespace reposfs
