#include "daemon/ring_origin.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace reposfs {
namespace {

// So often who waits for a lock is asked whether to go on.
constexpr milliseconds kLockSlice(1'000);
// A lock that nobody else has comes sooner.
constexpr milliseconds kLockWaitNoticed(200);

std::string UrlOf(const Member& member, const RepositoryKey& key) {
  return member.address + "/" + PercentEncode(key.host) + "/" + PercentEncode(key.owner) + "/" +
         PercentEncode(key.name) + ".git";
}

// Whether a node's failure to give something says that it is not well.
bool IsSickness(const Status& answer) {
  return !answer &&
         (answer.error().code == Errc::kUnreachable || answer.error().code == Errc::kTimedOut);
}

}  // namespace

std::vector<Source> RingOrigin::SourcesOf(const RepositoryKey& key, Wanted wanted) const {
  std::vector<Source> host = upstream_.SourcesOf(key, wanted);
  if (host.empty() || wanted == Wanted::kHostRefs) return host;
  const auto view = membership_.view();
  const auto owners = view->OwnersOf(key.Text());
  const auto self = view->self();
  const auto mine = self ? std::find(owners.begin(), owners.end(), *self) : owners.end();
  std::vector<Source> sources;
  Append(*view, {owners.begin(), mine}, key, Ask::kAnything, sources);
  // What is new, only those know that ask the host.
  if (wanted != Wanted::kRefs) {
    std::vector<MemberIndex> others;
    if (mine != owners.end()) others.assign(mine + 1, owners.end());
    for (const MemberIndex holder : HoldersOf(*view, key)) {
      const bool named =
          holder == self || std::find(owners.begin(), owners.end(), holder) != owners.end();
      if (!named) others.push_back(holder);
    }
    Append(*view, others, key, Ask::kDiskOnly, sources);
  }
  sources.insert(sources.end(), host.begin(), host.end());
  return sources;
}

void RingOrigin::Append(const RingView& view, const std::vector<MemberIndex>& nodes,
                        const RepositoryKey& key, Ask ask, std::vector<Source>& sources) const {
  for (const MemberState state : {MemberState::kUp, MemberState::kSuspect}) {
    for (const MemberIndex index : nodes) {
      if (view.nodes()[index].state != state) continue;
      sources.push_back(PeerSource(view, index, key, ask));
    }
  }
}

Source RingOrigin::PeerSource(const RingView& view, MemberIndex index, const RepositoryKey& key,
                              Ask ask) const {
  const Member& member = view.nodes()[index].member;
  PeerAccess peer;
  peer.node = member.id;
  if (!options_.token.empty()) peer.headers.push_back("Authorization: Bearer " + options_.token);
  peer.headers.push_back("Reposfs-Node: " + view.self_id());
  peer.ca_file = options_.tls.ca_file.string();
  peer.certificate_file = options_.tls.certificate_file.string();
  peer.key_file = options_.tls.key_file.string();
  peer.only_if_cached = ask == Ask::kDiskOnly;
  {
    MutexLock lock(mutex_);
    if (moving_.contains(key)) {
      peer.any_age = true;
      peer.bytes_per_second_max = options_.bandwidth_bytes_per_second;
    }
  }
  return Source{UrlOf(member, key), *upstream_.HostOf(key.host), std::move(peer)};
}

std::vector<MemberIndex> RingOrigin::HoldersOf(const RingView& view,
                                               const RepositoryKey& key) const {
  std::vector<MemberIndex> indexes;
  MutexLock lock(mutex_);
  const auto found = holders_.find(key);
  if (found == holders_.end()) return indexes;
  for (const std::string& node : found->second) {
    if (const auto index = view.IndexOf(node)) indexes.push_back(*index);
  }
  return indexes;
}

void RingOrigin::NoteAnswer(const Source& source, const Status& answer, milliseconds took) const {
  if (IsSickness(answer)) return membership_.ReportFailure(source.peer->node, answer.error());
  membership_.ReportSuccess(source.peer->node, took);
}

Status RingOrigin::MayWait(const Source& source, milliseconds silent_for) const {
  if (silent_for < options_.timeout / 2) return {};
  const std::string& node = source.peer->node;
  const auto view = membership_.view();
  const auto index = view->IndexOf(node);
  const bool up = index && view->nodes()[*index].state == MemberState::kUp;
  // It may be busy with what it was asked for.  Whether it lives is found out by asking for that.
  if (silent_for >= options_.timeout && (!up || source.peer->only_if_cached)) {
    return Error{Errc::kTimedOut, "node " + node + " is silent"};
  }
  const auto now = std::chrono::steady_clock::now();
  {
    MutexLock lock(mutex_);
    SteadyTime& doubted = doubted_[node];
    if (now - doubted < options_.timeout) return {};
    doubted = now;
  }
  membership_.ReportFailure(node, Error{Errc::kTimedOut, "it is silent while it is waited for"});
  return {};
}

Result<Origin::HostTurn> RingOrigin::AwaitHostTurn(
    const RepositoryKey& key, const std::function<Status()>& keep_going) const {
  HostTurn turn;
  if (locks_ == nullptr || !Keeps(key)) return turn;
  const auto begun_at = std::chrono::steady_clock::now();
  while (true) {
    auto lock = locks_->Acquire({LockScope::kRepository, key.Text()}, LockMode::kExclusive,
                                std::chrono::steady_clock::now() + kLockSlice);
    const auto took = std::chrono::steady_clock::now() - begun_at;
    turn.waited = took > kLockWaitNoticed;
    if (lock) {
      turn.held = std::make_shared<Lock>(std::move(*lock));
      return turn;
    }
    // Twice from the host is better than not at all.
    if (lock.error().code != Errc::kTimedOut) return turn;
    if (auto going = keep_going(); !going) return std::move(going).error();
  }
}

bool RingOrigin::Keeps(const RepositoryKey& key) const {
  return membership_.view()->OwnsItself(key.Text());
}

std::vector<RepositoryKey> RingOrigin::KnownElsewhere() const {
  std::vector<RepositoryKey> keys;
  MutexLock lock(mutex_);
  keys.reserve(holders_.size());
  for (const auto& [key, nodes] : holders_) keys.push_back(key);
  return keys;
}

void RingOrigin::SetHolders(Holders holders) {
  // Only hosts that are configured here can be looked up here.
  std::erase_if(holders, [&](const auto& one) { return !upstream_.HostOf(one.first.host); });
  MutexLock lock(mutex_);
  const bool same_keys =
      std::equal(holders.begin(), holders.end(), holders_.begin(), holders_.end(),
                 [](const auto& a, const auto& b) { return a.first == b.first; });
  holders_.swap(holders);
  if (!same_keys) ++known_version_;
}

void RingOrigin::SetMoving(const RepositoryKey& key, bool moving) {
  MutexLock lock(mutex_);
  if (moving) {
    moving_.insert(key);
  } else {
    moving_.erase(key);
  }
}

}  // namespace reposfs
