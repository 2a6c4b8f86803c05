// Who is in the ring and who answers: combines a MemberSource with health checks, and publishes
// views.
//
// Members join as soon as the source names them.  Who is no longer named keeps its place for
// leave_after, and who is down keeps it for as long as the source names it: a flap moves no
// repositories.  Every member is asked for /healthz each health_check_interval; what those who use
// peers report counts as well and starts a check at once.  Two failures in a row make a member
// down, two successes bring it back.
//
// Thread-safety: every method may be called from any thread, Start() and Stop() by the owner.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "ring/latency.h"
#include "ring/member_health.h"
#include "ring/member_source.h"
#include "ring/options.h"
#include "ring/ring_view.h"

namespace reposfs {

class HealthChecker;

struct MembershipOptions {
  std::string node_id;
  HashRingOptions ring;
  milliseconds health_check_interval = std::chrono::seconds(30);
  // How long a member may take to answer a check.
  milliseconds timeout = std::chrono::seconds(2);
  milliseconds leave_after = std::chrono::minutes(10);
  HttpTlsOptions tls;
  std::string token;  // Sent as `Authorization: Bearer ...`; empty: not sent.
};

class Membership {
 public:
  // Is given the view before a change and the view after it.
  using Listener = std::function<void(const RingView& before, const RingView& after)>;

  // `clock` must outlive it.
  Membership(MembershipOptions options, std::unique_ptr<MemberSource> source, const Clock& clock);
  ~Membership();  // Stop()
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  // Calls `listener` after each change of members, of their health or of the source's error, from
  // the thread of the Membership and with no lock held.  It must not block for long: checks wait.
  // REQUIRES: not started.
  void AddListener(Listener listener);

  void Start();
  void Stop() REPOSFS_EXCLUDES(mutex_);

  // Never null.  Without members until the source has named some.
  std::shared_ptr<const RingView> view() const REPOSFS_EXCLUDES(mutex_);

  // Says what became of asking a member for something.  Ids that are unknown are passed over.
  // What is no fault of the member (it has no such repository) is a success.
  void ReportFailure(const std::string& id, const Error& error) REPOSFS_EXCLUDES(mutex_);
  // `latency`: until its first byte.
  void ReportSuccess(const std::string& id, milliseconds latency) REPOSFS_EXCLUDES(mutex_);

  // After what time without a first byte from `id` another source should be asked as well: the 95th
  // percentile of what ReportSuccess() said lately, at most `timeout`, which it is as long as too
  // little is known.
  milliseconds HedgeDelay(const std::string& id) const REPOSFS_EXCLUDES(mutex_);

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  // What is known of one member besides its place on the ring.
  struct Known {
    Member member;
    MemberHealth health;
    Latency latency;
    SteadyTime check_at;    // The epoch: at once.
    SteadyTime checked_at;  // When the last check began.
    bool checking = false;
    bool reported = false;  // A failure, after the last check began: its answer may be too old.
    // When the source stopped naming it.
    std::optional<SteadyTime> vanished;
    WallTime vanished_at{};
  };
  using KnownMembers = std::map<std::string, Known, std::less<>>;  // By id.

  void Run() REPOSFS_EXCLUDES(mutex_);
  // One look at everything; returns when to look again.
  SteadyTime Look() REPOSFS_EXCLUDES(mutex_);
  void TakeList(Result<std::vector<Member>> members) REPOSFS_EXCLUDES(mutex_);
  void TakeCheck(const Member& member, const Status& status) REPOSFS_EXCLUDES(mutex_);

  // The next three are called by the thread of Run() only, which alone changes who is known.
  void UpdateMembers(SteadyTime now) REPOSFS_EXCLUDES(mutex_);
  void UpdateRing() REPOSFS_EXCLUDES(mutex_);
  void Publish() REPOSFS_EXCLUDES(mutex_);

  void MergeLocked(const std::vector<Member>& members, SteadyTime now) REPOSFS_REQUIRES(mutex_);
  void DropVanishedLocked(SteadyTime now) REPOSFS_REQUIRES(mutex_);
  std::vector<Member> DueChecksLocked(SteadyTime now) REPOSFS_REQUIRES(mutex_);
  SteadyTime NextEventLocked() const REPOSFS_REQUIRES(mutex_);
  SteadyTime SoonLocked(const Known& known) const REPOSFS_REQUIRES(mutex_);
  void ScheduleLocked(Known& known, SteadyTime now) REPOSFS_REQUIRES(mutex_);
  void NoteLocked(Known& known, const Status& status) REPOSFS_REQUIRES(mutex_);
  void WakeLocked() REPOSFS_REQUIRES(mutex_);

  const MembershipOptions options_;
  const Clock& clock_;
  const std::unique_ptr<MemberSource> source_;
  std::vector<Listener> listeners_;  // Constant after Start().

  mutable Mutex mutex_;  // A leaf lock.
  CondVar woken_;
  bool awake_ REPOSFS_GUARDED_BY(mutex_) = false;  // Something happened since the last Look().
  bool stopping_ REPOSFS_GUARDED_BY(mutex_) = false;
  std::optional<std::vector<Member>> list_ REPOSFS_GUARDED_BY(mutex_);  // Not looked at yet.
  std::string source_error_ REPOSFS_GUARDED_BY(mutex_);
  KnownMembers known_ REPOSFS_GUARDED_BY(mutex_);
  std::shared_ptr<const RingView> view_ REPOSFS_GUARDED_BY(mutex_);

  // Of the thread of Run() only.
  std::shared_ptr<const HashRing> ring_;
  std::string ring_error_;
  std::minstd_rand random_;

  std::unique_ptr<HealthChecker> checker_;
  std::thread thread_;
};

}  // namespace reposfs
