#include "daemon/ring_keeper.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"

namespace reposfs {
namespace {

constexpr milliseconds kTick(500);
// What could not be done is tried again.
constexpr milliseconds kActEvery = std::chrono::seconds(5);
constexpr std::size_t kPageMaxBytes = 256u << 20;
constexpr milliseconds kRetryMin = std::chrono::seconds(5);
constexpr int kRetryDoublingsMax = 7;  // Up to ten minutes.
// A copy that would fill the cache further than this is not made.
constexpr std::uint64_t kFullPercent = 85;
constexpr long kStatusOk = 200;

Holding HoldingOf(const Repository& repository) {
  const RepositoryRecord record = repository.record();
  return Holding{static_cast<int>(record.stage), record.head, record.last_checked,
                 repository.last_opened(), record.size_bytes};
}

// What the others care for; not that it was checked, or opened.
bool IsNews(const Holding& now, const Holding& told) {
  return now.stage != told.stage || now.head != told.head;
}

}  // namespace

RingKeeper::RingKeeper(RepositoryCache& cache, RingOrigin& origin, Membership& membership,
                       RingKeeperOptions options)
    : cache_(cache),
      origin_(origin),
      membership_(membership),
      options_(std::move(options)),
      epoch_(std::to_string(ToMs(cache.clock().Now()))),
      caller_(options_.tls) {}

RingKeeper::~RingKeeper() {
  Stop();
}

void RingKeeper::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "ring-keeper");
    Run();
  });
}

void RingKeeper::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    woken_.NotifyAll();
  }
  caller_.Stop();
  if (thread_.joinable()) thread_.join();
}

void RingKeeper::NoteNews(const std::string& node) {
  // Only members are asked for their news.
  if (!membership_.view()->IndexOf(node)) return;
  MutexLock lock(mutex_);
  news_.insert(node);
  woken_.NotifyAll();
}

HoldingsPage RingKeeper::HoldingsSince(const std::string& epoch, std::int64_t revision) const {
  HoldingsPage page;
  page.epoch = epoch_;
  page.whole = epoch != epoch_;
  page.revision = page.whole ? 0 : revision;
  const std::int64_t after = page.revision;
  for (const RepositoryPtr& repository : cache_.Repositories()) {
    const std::int64_t changed_at = repository->revision();
    if (changed_at <= after) continue;
    Holding holding = HoldingOf(*repository);
    page.revision = std::max(page.revision, changed_at);
    if (holding.stage == 0 && page.whole) continue;
    page.holdings.emplace(repository->key().Text(), std::move(holding));
  }
  return page;
}

RingWork RingKeeper::work() const {
  MutexLock lock(mutex_);
  RingWork work;
  for (const auto& [key, flight] : copying_) work.copying.push_back(key);
  work.waiting_count = waiting_count_;
  work.leaving.assign(leaving_.begin(), leaving_.end());
  return work;
}

void RingKeeper::RingChanged(const RingView& before, const RingView& after) {
  std::set<std::string> left;
  std::set<std::string> regained;
  if (&before.ring() != &after.ring()) {
    for (const RepositoryPtr& repository : cache_.Repositories()) {
      const std::string key = repository->key().Text();
      const bool mine = after.OwnsItself(key);
      if (mine) regained.insert(key);
      const bool here = repository->stage() != Stage::kAbsent;
      if (here && !mine && before.OwnsItself(key)) left.insert(key);
    }
  }
  MutexLock lock(mutex_);
  for (const std::string& key : regained) leaving_.erase(key);
  leaving_.merge(left);
  ring_changed_ = true;
  woken_.NotifyAll();
}

void RingKeeper::Run() {
  auto act_at = std::chrono::steady_clock::time_point();
  while (true) {
    bool act = false;
    {
      MutexLock lock(mutex_);
      if (!stopping_ && news_.empty() && !ring_changed_) woken_.WaitFor(mutex_, kTick);
      if (stopping_) return;
      act = std::exchange(ring_changed_, false);
    }
    const auto view = membership_.view();
    if (UpdateMine()) {
      act = true;
      TellOthers(*view);
    }
    act |= AskPeers(*view);
    act |= TakeLanded();
    const auto now = std::chrono::steady_clock::now();
    if (!act && now < act_at) continue;
    act_at = now + kActEvery;
    Act(*view);
  }
}

bool RingKeeper::UpdateMine() {
  std::int64_t revision = 0;
  for (const RepositoryPtr& repository : cache_.Repositories()) {
    revision = std::max(revision, repository->revision());
  }
  if (std::exchange(revision_, revision) == revision) return false;
  mine_ = HoldingsSince("", 0).holdings;
  return true;
}

bool RingKeeper::AskPeers(const RingView& view) {
  std::set<std::string> news;
  {
    MutexLock lock(mutex_);
    news.swap(news_);
  }
  const auto is_gone = [&](const auto& peer) { return !view.IndexOf(peer.first); };
  std::erase_if(peers_, is_gone);
  bool changed = std::erase_if(theirs_, is_gone) > 0;
  const auto now = std::chrono::steady_clock::now();
  for (const RingNode& node : view.nodes()) {
    const std::string& id = node.member.id;
    if (id == view.self_id() || node.state == MemberState::kDown) continue;
    Peer& peer = peers_[id];
    if (now < peer.ask_at && !news.contains(id)) continue;
    peer.ask_at = now + options_.interval;
    changed |= AskPeer(node.member);
  }
  if (changed) origin_.SetHolders(HoldersKnown());
  return changed;
}

bool RingKeeper::AskPeer(const Member& member) {
  Peer& peer = peers_[member.id];
  const std::string epoch = peer.epoch.empty() ? "none" : peer.epoch;
  HttpCall call = CallTo(
      member, "/v1/ring/holdings/" + PercentEncode(epoch) + "/" + std::to_string(peer.revision));
  call.answer_size_bytes_max = kPageMaxBytes;
  auto answer = caller_.Perform(call);
  // Whether it is well is the health check's to say.
  if (!answer || answer->status != kStatusOk) return false;
  auto page = HoldingsFromJson(answer->body);
  if (!page) {
    spdlog::warn("peer's holdings are not understood node={} cause=\"{}\"", member.id,
                 Printable(page.error().message));
    return false;
  }
  const bool changed = page->whole || !page->holdings.empty();
  Merge(*page, theirs_[member.id]);
  peer.epoch = page->epoch;
  peer.revision = page->revision;
  return changed;
}

RingOrigin::Holders RingKeeper::HoldersKnown() const {
  RingOrigin::Holders holders;
  for (const auto& [id, holdings] : theirs_) {
    for (const auto& [text, holding] : holdings) {
      // Whatever a peer says is the name of a repository must be one.
      if (const auto key = ParseRepositoryKey(text)) holders[*key].push_back(id);
    }
  }
  return holders;
}

bool RingKeeper::TakeLanded() {
  std::vector<std::pair<std::string, FlightPtr>> landed;
  {
    MutexLock lock(mutex_);
    for (auto copy = copying_.begin(); copy != copying_.end();) {
      if (copy->second->landed()) {
        landed.emplace_back(*copy);
        copy = copying_.erase(copy);
      } else {
        ++copy;
      }
    }
  }
  for (const auto& [text, flight] : landed) {
    if (const auto key = ParseRepositoryKey(text)) origin_.SetMoving(*key, false);
    const Status copied = flight->Wait();
    if (copied) {
      failures_.erase(text);
      continue;
    }
    Failure& failure = failures_[text];
    const int doublings = std::min(failure.count++, kRetryDoublingsMax);
    failure.again_at = std::chrono::steady_clock::now() + kRetryMin * (1 << doublings);
    spdlog::warn("not copied from peers repo={} cause=\"{}\"", text,
                 Printable(copied.error().message));
  }
  return !landed.empty();
}

void RingKeeper::TellOthers(const RingView& view) {
  std::set<MemberIndex> listeners;
  for (const auto& [key, holding] : mine_) {
    const auto told = told_.find(key);
    if (told != told_.end() && !IsNews(holding, told->second)) continue;
    const auto owners = view.OwnersOf(key);
    listeners.insert(owners.begin(), owners.end());
  }
  told_ = mine_;
  for (const MemberIndex index : listeners) {
    const RingNode& node = view.nodes()[index];
    if (node.member.id == view.self_id() || node.state != MemberState::kUp) continue;
    HttpCall call = CallTo(node.member, "/v1/ring/news");
    call.body = "{\"node\":\"" + view.self_id() + "\"}";
    call.headers.emplace_back("Content-Type: application/json");
    // Who does not hear of it asks by itself, a little later.
    static_cast<void>(caller_.Perform(call));
  }
}

void RingKeeper::Act(const RingView& view) {
  std::set<std::string> leaving;
  {
    MutexLock lock(mutex_);
    leaving = leaving_;
  }
  const RingPlan plan = MakeRingPlan(view, mine_, theirs_, leaving);
  StartCopies(plan.copies);
  for (const RingRelease& release : plan.releases) Release(release);
}

bool RingKeeper::HasRoomFor(const RingCopy& copy) const {
  return cache_.used_bytes() + copy.size_bytes <= cache_.quota_bytes() / 100 * kFullPercent;
}

void RingKeeper::StartCopies(const std::vector<RingCopy>& copies) {
  std::size_t waiting_count = 0;
  const auto now = std::chrono::steady_clock::now();
  for (const RingCopy& copy : copies) {
    const auto key = ParseRepositoryKey(copy.key);
    if (!key || !origin_.HostOf(key->host)) continue;
    const auto failure = failures_.find(copy.key);
    const bool too_soon = failure != failures_.end() && now < failure->second.again_at;
    if (too_soon || (!copy.is_here && !HasRoomFor(copy))) continue;
    {
      MutexLock lock(mutex_);
      if (copying_.contains(copy.key)) continue;
      if (copying_.size() >= kCopiesAtOnceMax) {
        ++waiting_count;
        continue;
      }
    }
    origin_.SetMoving(*key, true);
    FlightPtr flight = cache_.Copy(*key, static_cast<Stage>(copy.stage), copy.opened_at);
    MutexLock lock(mutex_);
    copying_.emplace(copy.key, std::move(flight));
  }
  MutexLock lock(mutex_);
  waiting_count_ = waiting_count;
}

void RingKeeper::Release(const RingRelease& release) {
  const auto key = ParseRepositoryKey(release.key);
  const RepositoryPtr repository = key ? cache_.Find(*key) : nullptr;
  std::string owners;
  for (const std::string& id : release.owners) owners += (owners.empty() ? "" : ", ") + id;
  const bool stays = !repository || cache_.IsPinned(*repository);
  // One in use goes the next time.
  if (!stays && !cache_.Evict(repository, "moved to " + owners, "")) return;
  MutexLock lock(mutex_);
  leaving_.erase(release.key);
}

HttpCall RingKeeper::CallTo(const Member& member, const std::string& path) const {
  HttpCall call;
  call.url = member.address + path;
  if (!options_.token.empty()) call.headers.push_back("Authorization: Bearer " + options_.token);
  call.deadline = std::chrono::steady_clock::now() + options_.timeout * 5;
  call.begun_by = std::chrono::steady_clock::now() + options_.timeout;
  return call;
}

}  // namespace reposfs
