#include "cache/source_round.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cache/hedged_ask.h"

namespace reposfs {
namespace {

using SteadyClock = std::chrono::steady_clock;

Error NotConfigured(const RepositoryKey& key) {
  return {Errc::kNotFound, "host " + Printable(key.host) + " is not configured"};
}

// Whether another source may do better.
bool MayAskNext(const Source& source, Errc code) {
  switch (code) {
    case Errc::kUnreachable:
    case Errc::kTimedOut:
      return true;
    case Errc::kIo:
    case Errc::kInterrupted:
      return false;       // Our own trouble.
    case Errc::kNoSpace:  // So may this be; or the peer's answer does not end.
    default:
      return source.peer.has_value();
  }
}

bool IsTooOld(const Source& source, const ListedRefs& refs, milliseconds age_max) {
  if (!source.peer || source.peer->any_age) return false;
  return refs.age > age_max + kAgePrecision;
}

// Whether `second` may be asked while `first` is silent: the git host never is.
bool MayHedge(const Source& first, const Source& second) {
  return first.peer && second.peer && !second.peer->only_if_cached;
}

void LogNext(const RepositoryKey& key, const Source& source, const Error& error) {
  if (!source.peer) return;
  // That it has nothing in its cache is what the question was about.
  if (source.peer->only_if_cached && error.code == Errc::kNotFound) return;
  spdlog::warn("peer did not deliver repo={} node={} cause=\"{}\"", key.Text(), source.peer->node,
               Printable(error.message));
}

}  // namespace

// Watches one source while it is waited for.
class SourceRound::Watch {
 public:
  Watch(const Origin& origin, const Source& source, SteadyClock::time_point begun_at)
      : origin_(origin), source_(source), begun_at_(begun_at) {}

  // Passes on what `going` says; if that is to go on, the silence may still be too long.
  Status Check(Status going) {
    ended_by_caller_ |= !going;
    if (!going || !source_.peer) return going;
    return origin_.MayWait(source_, Since(heard_at_));
  }
  // If `left` is a failure, somebody else has answered, and this source is not to blame.
  Status Leave(Status left) {
    left_ |= !left;
    return left;
  }
  void NoteProgress(std::uint64_t sign_of_life) {
    if (std::exchange(sign_of_life_, sign_of_life) != sign_of_life) heard_at_ = SteadyClock::now();
  }

  // Tells the origin how it went.
  Next End(const RepositoryKey& key, const Status& status) {
    const bool is_too_large = source_.peer && !status && status.error().code == Errc::kNoSpace;
    if (ended_by_caller_ && !is_too_large) return Next::kNobody;
    if (left_) return Next::kAnybody;
    if (source_.peer) origin_.NoteAnswer(source_, status, Since(begun_at_));
    if (status || !MayAskNext(source_, status.error().code)) return Next::kNobody;
    LogNext(key, source_, status.error());
    return ended_by_caller_ ? Next::kHost : Next::kAnybody;
  }

 private:
  static milliseconds Since(SteadyClock::time_point time) {
    return std::chrono::duration_cast<milliseconds>(SteadyClock::now() - time);
  }

  const Origin& origin_;
  const Source& source_;
  const SteadyClock::time_point begun_at_;
  SteadyClock::time_point heard_at_ = begun_at_;
  std::uint64_t sign_of_life_ = 0;
  bool ended_by_caller_ = false;
  bool left_ = false;
};

std::vector<Source> SourceRound::SourcesOf(const RepositoryKey& key, Wanted wanted) const {
  std::vector<Source> sources = origin_.SourcesOf(key, wanted);
  for (Source& source : sources) {
    if (!source.peer && count_requests_) count_requests_(key, source);
  }
  return sources;
}

Result<ListedRefs> SourceRound::ListRefs(const RepositoryKey& key, Wanted wanted,
                                         milliseconds age_max,
                                         const std::function<Status()>& keep_going) const {
  const auto going = [&] { return keep_going ? keep_going() : Status(); };
  Error last = NotConfigured(key);
  std::vector<Source> sources = SourcesOf(key, wanted);
  for (Source& source : sources) {
    if (source.peer) source.peer->refs_age_max = age_max;
  }
  std::optional<ListedRefs> old;     // Older than wanted.
  std::unique_ptr<HedgedAsk> asked;  // The one of the next source, if it has been begun.
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::unique_ptr<HedgedAsk> mine = std::move(asked);
    const bool may_hedge = !mine && i + 1 < sources.size() && MayHedge(sources[i], sources[i + 1]);
    if (const auto delay = may_hedge ? origin_.HedgeAfter(sources[i]) : std::nullopt) {
      asked = std::make_unique<HedgedAsk>(transport_, sources[i + 1], *delay);
    }
    Watch watch(origin_, sources[i], mine ? mine->ask_at() : SteadyClock::now());
    const auto check = [&]() -> Status {
      Status checked = watch.Check(going());
      return checked && asked ? watch.Leave(asked->Look()) : checked;
    };
    auto refs = mine ? mine->Wait(check) : transport_.ListRefs(sources[i], check);
    if (refs && IsTooOld(sources[i], *refs, age_max)) {
      if (!old || refs->age < old->age) old = *refs;
      refs =
          Error{Errc::kNotFound, "its refs are " + std::to_string(refs->age.count()) + " ms old"};
    }
    const Next next = watch.End(key, refs ? Status() : Status(refs.error()));
    if (next != Next::kAnybody) {
      if (refs) refs->by_peer = sources[i].peer.has_value();
      return refs;
    }
    last = std::move(refs).error();
    if (asked && !asked->asked()) asked.reset();
  }
  if (!old || !IsAway(last)) return last;
  // Better old than nothing; who asks is told why.
  old->by_peer = true;
  old->host_failure = std::move(last);
  return std::move(*old);
}

SourceRound::Ended SourceRound::FetchFrom(std::vector<Source>& sources, const RepositoryKey& key,
                                          FetchRequest request, const Attempt& attempt) const {
  Status last = NotConfigured(key);
  const auto on_progress = std::move(request.on_progress);
  for (const Source& source : sources) {
    if (auto prepared = attempt.prepare(); !prepared) return {prepared, Next::kNobody};
    Watch watch(origin_, source, SteadyClock::now());
    request.on_progress = [&](const FetchProgress& progress) {
      watch.NoteProgress(progress.received_bytes + progress.said_bytes);
      return watch.Check(on_progress ? on_progress(progress) : Status());
    };
    request.source = source;
    last = transport_.Fetch(request);
    if (last) last = attempt.check(source);
    if (const Next next = watch.End(key, last); next != Next::kAnybody) return {last, next};
  }
  return {last, Next::kAnybody};
}

Status SourceRound::Fetch(const RepositoryKey& key, FetchRequest request,
                          const Attempt& attempt) const {
  std::vector<Source> peers = SourcesOf(key, Wanted::kObjects);
  const auto first_host =
      std::stable_partition(peers.begin(), peers.end(), [](const Source& s) { return s.peer; });
  std::vector<Source> hosts(first_host, peers.end());
  peers.erase(first_host, peers.end());

  Ended ended = FetchFrom(peers, key, request, attempt);
  if (ended.next == Next::kNobody) return ended.status;
  const auto turn = origin_.AwaitHostTurn(
      key, [&] { return request.on_progress ? request.on_progress(FetchProgress{}) : Status(); });
  if (!turn) return turn.error();
  if (turn->waited && ended.next == Next::kAnybody) {
    ended = FetchFrom(peers, key, request, attempt);
  }
  if (ended.next == Next::kNobody) return ended.status;
  return FetchFrom(hosts, key, std::move(request), attempt).status;
}

}  // namespace reposfs
