#include "cache/source_round.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>
#include <vector>

#include "base/text.h"

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
    case Errc::kNoSpace:
    case Errc::kIo:
    case Errc::kInterrupted:
      return false;  // Our own trouble.
    default:
      return source.peer.has_value();
  }
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
  Watch(const Origin& origin, const Source& source) : origin_(origin), source_(source) {}

  // Passes on what `going` says; if that is to go on, the silence may still be too long.
  Status Check(Status going) {
    ended_by_caller_ |= !going;
    if (!going || !source_.peer) return going;
    return origin_.MayWait(source_, Since(heard_at_));
  }
  void NoteProgress(std::uint64_t sign_of_life) {
    if (std::exchange(sign_of_life_, sign_of_life) != sign_of_life) heard_at_ = SteadyClock::now();
  }

  // Tells the origin how it went.  Returns whether to ask the next source.
  bool End(const RepositoryKey& key, const Status& status) {
    if (ended_by_caller_) return false;
    if (source_.peer) origin_.NoteAnswer(source_, status, Since(begun_at_));
    if (status || !MayAskNext(source_, status.error().code)) return false;
    LogNext(key, source_, status.error());
    return true;
  }

 private:
  static milliseconds Since(SteadyClock::time_point time) {
    return std::chrono::duration_cast<milliseconds>(SteadyClock::now() - time);
  }

  const Origin& origin_;
  const Source& source_;
  const SteadyClock::time_point begun_at_ = SteadyClock::now();
  SteadyClock::time_point heard_at_ = begun_at_;
  std::uint64_t sign_of_life_ = 0;
  bool ended_by_caller_ = false;
};

Result<ListedRefs> SourceRound::ListRefs(const RepositoryKey& key, milliseconds age_max,
                                         const std::function<Status()>& keep_going) const {
  Error last = NotConfigured(key);
  for (Source& source : origin_.SourcesOf(key, Wanted::kRefs)) {
    if (source.peer) source.peer->refs_age_max = age_max;
    Watch watch(origin_, source);
    auto refs = transport_.ListRefs(
        source, [&] { return watch.Check(keep_going ? keep_going() : Status()); });
    const bool next = watch.End(key, refs ? Status() : Status(refs.error()));
    if (!next) return refs;
    last = std::move(refs).error();
  }
  return last;
}

Status SourceRound::Fetch(const RepositoryKey& key, FetchRequest request,
                          const Attempt& attempt) const {
  Status last = NotConfigured(key);
  const auto on_progress = std::move(request.on_progress);
  for (Source& source : origin_.SourcesOf(key, Wanted::kObjects)) {
    if (auto prepared = attempt.prepare(); !prepared) return prepared;
    Watch watch(origin_, source);
    request.on_progress = [&](const FetchProgress& progress) {
      watch.NoteProgress(progress.received_bytes + progress.said_bytes);
      return watch.Check(on_progress ? on_progress(progress) : Status());
    };
    request.source = source;
    last = transport_.Fetch(request);
    if (last && source.peer) last = attempt.check();
    if (!watch.End(key, last)) return last;
  }
  return last;
}

}  // namespace reposfs
