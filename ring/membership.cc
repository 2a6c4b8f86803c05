#include "ring/membership.h"

#include <algorithm>
#include <cassert>

#include "base/thread_pool.h"
#include "ring/health_checker.h"

namespace reposfs {
namespace {

using std::chrono::steady_clock;

// The thread looks at everything at least so often, so that no time is too far away to wait for.
constexpr std::chrono::minutes kLookEvery{1};

// How soon a member is asked again whose state the next answer could change.
milliseconds RecheckAfter(milliseconds interval) {
  return std::min<milliseconds>(interval, std::chrono::seconds(1));
}

bool SameNode(const RingNode& a, const RingNode& b) {
  return a.member == b.member && a.state == b.state && a.since == b.since &&
         a.last_error == b.last_error && a.vanished == b.vanished;
}

bool SameView(const RingView& a, const RingView& b) {
  return &a.ring() == &b.ring() && a.discovery_error() == b.discovery_error() &&
         std::equal(a.nodes().begin(), a.nodes().end(), b.nodes().begin(), b.nodes().end(),
                    SameNode);
}

}  // namespace

Membership::Membership(MembershipOptions options, std::unique_ptr<MemberSource> source,
                       const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      source_(std::move(source)),
      ring_(std::make_shared<HashRing>()),
      // Nodes that were started together must not check each other in step.
      random_(static_cast<std::minstd_rand::result_type>(HashRing::PlaceOf(options_.node_id))),
      checker_(std::make_unique<HealthChecker>(
          HealthCheckOptions{options_.timeout, options_.tls, options_.token},
          [this](const Member& member, const Status& status) { TakeCheck(member, status); })) {
  assert(source_ != nullptr);
  view_ = std::make_shared<RingView>(ring_, std::vector<RingNode>(), options_.node_id, "");
}

Membership::~Membership() {
  Stop();
}

void Membership::AddListener(Listener listener) {
  assert(!thread_.joinable());
  listeners_.push_back(std::move(listener));
}

void Membership::Start() {
  source_->Start([this](Result<std::vector<Member>> members) { TakeList(std::move(members)); });
  thread_ = std::thread([this] { Run(); });
}

void Membership::Stop() {
  if (!thread_.joinable()) return;
  source_->Stop();
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    WakeLocked();
  }
  thread_.join();
  checker_->Stop();
}

std::shared_ptr<const RingView> Membership::view() const {
  MutexLock lock(mutex_);
  return view_;
}

void Membership::ReportFailure(const std::string& id, const Error& error) {
  MutexLock lock(mutex_);
  const auto found = known_.find(id);
  if (found == known_.end()) return;
  Known& known = found->second;
  NoteLocked(known, error);
  known.reported = true;
  known.check_at = std::min(known.check_at, SoonLocked(known));
  WakeLocked();
}

void Membership::ReportSuccess(const std::string& id, milliseconds latency) {
  MutexLock lock(mutex_);
  const auto found = known_.find(id);
  if (found == known_.end()) return;
  found->second.latency.Add(latency);
  if (found->second.health.state() == MemberState::kUp) return;
  NoteLocked(found->second, {});
  WakeLocked();
}

milliseconds Membership::HedgeDelay(const std::string& id) const {
  // Below it, a second request costs more than the first one's delay.
  constexpr milliseconds kLeast{10};
  MutexLock lock(mutex_);
  const auto found = known_.find(id);
  if (found == known_.end()) return options_.timeout;
  const milliseconds usual = found->second.latency.Percentile95().value_or(options_.timeout);
  return std::min(std::max(usual, kLeast), options_.timeout);
}

void Membership::TakeList(Result<std::vector<Member>> members) {
  MutexLock lock(mutex_);
  source_error_ = members ? "" : members.error().message;
  if (members) list_ = std::move(members).value();
  WakeLocked();
}

void Membership::TakeCheck(const Member& member, const Status& status) {
  MutexLock lock(mutex_);
  const auto found = known_.find(member.id);
  if (found == known_.end()) return;
  Known& known = found->second;
  // Who has moved is asked anew; what the old address says is nothing to him.
  if (known.member.address != member.address) return;
  known.checking = false;
  NoteLocked(known, status);
  ScheduleLocked(known, steady_clock::now());
  WakeLocked();
}

void Membership::NoteLocked(Known& known, const Status& status) {
  if (status) {
    known.health.Succeed(clock_.Now());
  } else {
    known.health.Fail(status.error(), clock_.Now());
  }
}

// At once, but however many report, not more often than this.
Membership::SteadyTime Membership::SoonLocked(const Known& known) const {
  return std::max(steady_clock::now(),
                  known.checked_at + RecheckAfter(options_.health_check_interval));
}

void Membership::ScheduleLocked(Known& known, SteadyTime now) {
  if (known.reported) {
    known.check_at = SoonLocked(known);
    return;
  }
  milliseconds pause = options_.health_check_interval;
  if (known.health.is_undecided()) pause = RecheckAfter(pause);
  // A tenth more or less.
  const auto permille = static_cast<std::int64_t>(900 + random_() % 201);
  known.check_at = now + std::chrono::microseconds(pause) * permille / 1000;
}

void Membership::WakeLocked() {
  awake_ = true;
  woken_.NotifyAll();
}

void Membership::Run() {
  SetThreadName("ring");
  while (true) {
    const SteadyTime next = Look();
    MutexLock lock(mutex_);
    while (!awake_ && !stopping_) {
      const auto now = steady_clock::now();
      if (now >= next) break;
      woken_.WaitFor(mutex_, std::chrono::ceil<milliseconds>(next - now));
    }
    if (stopping_) return;
    awake_ = false;
  }
}

Membership::SteadyTime Membership::Look() {
  const auto now = steady_clock::now();
  UpdateMembers(now);
  Publish();
  std::vector<Member> due;
  SteadyTime next;
  {
    MutexLock lock(mutex_);
    due = DueChecksLocked(now);
    next = std::min(NextEventLocked(), now + kLookEvery);
  }
  for (Member& member : due) checker_->Check(std::move(member));
  return next;
}

void Membership::UpdateMembers(SteadyTime now) {
  {
    MutexLock lock(mutex_);
    if (list_) MergeLocked(*list_, now);
    list_.reset();
    DropVanishedLocked(now);
  }
  UpdateRing();
}

// Those who are new join, those who are not named vanish, the others keep what is known of them.
void Membership::MergeLocked(const std::vector<Member>& members, SteadyTime now) {
  KnownMembers before = std::move(known_);
  known_.clear();
  for (const Member& member : members) {
    auto node = before.extract(member.id);
    // Another address is another process: nothing is known of it.
    if (node.empty() || node.mapped().member.address != member.address) {
      Known fresh;
      fresh.member = member;
      known_.emplace(member.id, std::move(fresh));
      continue;
    }
    node.mapped().member = member;
    node.mapped().vanished.reset();
    node.mapped().vanished_at = {};
    known_.insert(std::move(node));
  }
  for (auto& [id, known] : before) {
    if (known_.contains(id)) continue;
    if (!known.vanished) {
      known.vanished = now;
      known.vanished_at = clock_.Now();
    }
    known_.emplace(id, std::move(known));
  }
}

void Membership::DropVanishedLocked(SteadyTime now) {
  std::erase_if(known_, [&](const auto& entry) {
    const Known& known = entry.second;
    return known.vanished && now >= *known.vanished + options_.leave_after;
  });
  // However fast members come and go, their number is bounded: who vanished first goes first.
  while (known_.size() > kMemberCountMax) {
    auto oldest = known_.end();
    for (auto entry = known_.begin(); entry != known_.end(); ++entry) {
      if (!entry->second.vanished) continue;
      if (oldest == known_.end() || *entry->second.vanished < *oldest->second.vanished) {
        oldest = entry;
      }
    }
    assert(oldest != known_.end());  // CheckMembers() bounds those who are named.
    known_.erase(oldest);
  }
}

// Makes a ring if places have changed.  Sorting takes a while, so no lock is held.
void Membership::UpdateRing() {
  std::vector<Member> members;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, known] : known_) members.push_back(known.member);
  }
  if (members == ring_->members()) return;
  auto ring = HashRing::Build(std::move(members), options_.ring);
  if (ring) {
    ring_ = std::make_shared<const HashRing>(std::move(ring).value());
    ring_error_.clear();
  } else {
    ring_error_ = ring.error().message;
  }
}

void Membership::Publish() {
  std::shared_ptr<const RingView> before;
  std::shared_ptr<const RingView> after;
  {
    MutexLock lock(mutex_);
    std::vector<RingNode> nodes;
    for (const Member& member : ring_->members()) {
      RingNode node;
      node.member = member;
      // Without it, if the ring could not be made anew: the last one stays.
      if (const auto found = known_.find(member.id); found != known_.end()) {
        node.state = found->second.health.state();
        node.since = found->second.health.since();
        node.last_error = found->second.health.last_error();
        node.vanished = found->second.vanished_at;
      }
      nodes.push_back(std::move(node));
    }
    before = view_;
    after = std::make_shared<RingView>(ring_, std::move(nodes), options_.node_id,
                                       source_error_.empty() ? ring_error_ : source_error_);
    if (SameView(*before, *after)) return;
    view_ = after;
  }
  for (const Listener& listener : listeners_) listener(*before, *after);
}

std::vector<Member> Membership::DueChecksLocked(SteadyTime now) {
  std::vector<Member> due;
  for (auto& [id, known] : known_) {
    if (known.checking || id == options_.node_id || known.check_at > now) continue;
    known.checking = true;
    known.reported = false;
    known.checked_at = now;
    due.push_back(known.member);
  }
  return due;
}

Membership::SteadyTime Membership::NextEventLocked() const {
  SteadyTime next = SteadyTime::max();
  for (const auto& [id, known] : known_) {
    if (known.vanished) next = std::min(next, *known.vanished + options_.leave_after);
    if (!known.checking && id != options_.node_id) next = std::min(next, known.check_at);
  }
  return next;
}

}  // namespace reposfs
