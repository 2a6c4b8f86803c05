#include "cache/host_ledger.h"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

namespace reposfs {
namespace {

using std::chrono::milliseconds;

// A process that does not renew its places for so long hangs.
constexpr milliseconds kPlaceLease = std::chrono::seconds(30);
// Who was refused comes again in less than this, or is not there any more.
constexpr milliseconds kWaitLease = std::chrono::seconds(2);
// After so long without a place it is the turn of an equal.
constexpr milliseconds kPatience = std::chrono::seconds(1);
constexpr milliseconds kMinute = std::chrono::minutes(1);
constexpr milliseconds kAgainAfter(50);
constexpr milliseconds kAgainAfterMax = std::chrono::seconds(1);

// The request that came with the place of the transfer on this thread, and was not made yet.
struct Prepaid {
  const HostLedger* ledger = nullptr;
  std::string host;
};
thread_local Prepaid prepaid_here;

Status DeleteOld(SqliteDatabase& database, const std::string& host, WallTime now)
    REPOSFS_REQUIRES(database.mutex) {
  return Statement(database, "DELETE FROM host_requests WHERE host = ? AND at <= ?")
      .Bind(host)
      .Bind(ToMs(now - kMinute))
      .Run();
}

}  // namespace

// What a visitor finds.
struct HostLedger::Seen {
  int places = 0;
  int background_places = 0;
  int requests = 0;
  WallTime first_request_at{};
  bool others_first = false;
  // What this process has written when it was refused: until when it holds, and for which priority.
  WallTime waits_until{};
  int waits_with_priority = 0;

  bool Admits(const Visitor& visitor) const {
    const bool place_left =
        places < visitor.places_max &&
        (!visitor.background || background_places < visitor.background_places_max);
    return place_left && !others_first && HasRequests(visitor);
  }
  bool HasRequests(const Visitor& visitor) const {
    return visitor.requests_max == 0 || requests < visitor.requests_max;
  }
  milliseconds AgainAfter(const Visitor& visitor, WallTime now) const {
    if (HasRequests(visitor)) return kAgainAfter;
    return std::clamp(first_request_at + kMinute - now, kAgainAfter, kAgainAfterMax);
  }
};

HostLedger::HostLedger(SqliteDatabasePtr database, std::string myself,
                       std::function<bool(const std::string&)> is_alive, const Clock& clock)
    : database_(std::move(database)),
      myself_(std::move(myself)),
      is_alive_(std::move(is_alive)),
      clock_(clock) {}

HostLedger::~HostLedger() {
  // If it fails, this process will soon be found dead.
  static_cast<void>(Forget(myself_));
}

Result<HostLedger::Answer> HostLedger::Enter(const Visitor& visitor) {
  if (visitor.again) {
    Answer answer;
    const auto refused = IsRefusedAsBefore(visitor, answer);
    if (!refused) return refused.error();
    if (*refused) {
      const auto any = ForgetDead(visitor.host);
      if (!any) return any.error();
      if (!*any) return answer;
    }
  }
  auto answer = TryEnter(visitor);
  if (!answer || answer->entered) return answer;
  const auto any = ForgetDead(visitor.host);
  if (!any) return any.error();
  return *any ? TryEnter(visitor) : answer;
}

Result<bool> HostLedger::IsRefusedAsBefore(const Visitor& visitor, Answer& answer) const {
  const WallTime now = clock_.Now();
  MutexLock lock(database_->mutex);
  const auto seen = LookLocked(visitor, now);
  if (!seen) return seen.error();
  answer.again_after = seen->AgainAfter(visitor, now);
  const bool written =
      seen->waits_until - now > kWaitLease / 2 && seen->waits_with_priority == visitor.priority;
  return written && !seen->Admits(visitor);
}

Result<HostLedger::Answer> HostLedger::TryEnter(const Visitor& visitor) {
  const WallTime now = clock_.Now();
  Answer answer;
  {
    MutexLock lock(database_->mutex);
    Transaction transaction(*database_);
    const auto seen = LookLocked(visitor, now);
    if (!seen) return seen.error();
    answer.entered = seen->Admits(visitor);
    if (answer.entered) answer.place = next_place_.fetch_add(1, std::memory_order_relaxed);
    answer.again_after = seen->AgainAfter(visitor, now);
    Status written =
        answer.entered ? WriteEntered(visitor, answer.place, now) : WriteRefused(visitor, now);
    if (written) written = transaction.Commit();
    if (!written) return std::move(written).error();
  }
  if (answer.entered && visitor.requests_max != 0) prepaid_here = {this, visitor.host};
  return answer;
}

Result<HostLedger::Seen> HostLedger::LookLocked(const Visitor& visitor, WallTime now) const {
  Statement look(*database_,
                 "SELECT (SELECT count(*) FROM host_places WHERE host = ?1 AND lease_until > ?2), "
                 "(SELECT count(*) FROM host_places WHERE host = ?1 AND lease_until > ?2 AND "
                 "background), (SELECT coalesce(sum(count), 0) FROM host_requests WHERE host = ?1 "
                 "AND at > ?3), (SELECT min(at) FROM host_requests WHERE host = ?1 AND at > ?3), "
                 "EXISTS (SELECT 1 FROM host_waits WHERE host = ?1 AND owner <> ?4 AND lease_until "
                 "> ?2 AND (priority > ?5 OR (priority = ?5 AND since < coalesce((SELECT since "
                 "FROM host_waits WHERE host = ?1 AND owner = ?4), ?2) - ?6))), "
                 "(SELECT lease_until FROM host_waits WHERE host = ?1 AND owner = ?4), "
                 "(SELECT priority FROM host_waits WHERE host = ?1 AND owner = ?4)");
  look.Bind(visitor.host).Bind(ToMs(now)).Bind(ToMs(now - kMinute)).Bind(myself_);
  auto row = look.Bind(std::int64_t{visitor.priority}).Bind(kPatience.count()).Step();
  if (!row) return std::move(row).error();
  Seen seen;
  seen.places = static_cast<int>(look.Int(0));
  seen.background_places = static_cast<int>(look.Int(1));
  seen.requests = static_cast<int>(look.Int(2));
  seen.first_request_at = FromMs(look.Int(3));
  seen.others_first = look.Int(4) != 0;
  seen.waits_until = FromMs(look.Int(5));
  seen.waits_with_priority = static_cast<int>(look.Int(6));
  return seen;
}

Status HostLedger::WriteEntered(const Visitor& visitor, std::int64_t place, WallTime now) {
  Status written = Statement(*database_,
                             "INSERT INTO host_places (host, owner, place, background, "
                             "lease_until) VALUES (?, ?, ?, ?, ?)")
                       .Bind(visitor.host)
                       .Bind(myself_)
                       .Bind(place)
                       .Bind(std::int64_t{visitor.background})
                       .Bind(ToMs(now + kPlaceLease))
                       .Run();
  if (written) {
    written = Statement(*database_, "DELETE FROM host_waits WHERE host = ? AND owner = ?")
                  .Bind(visitor.host)
                  .Bind(myself_)
                  .Run();
  }
  if (!written || visitor.requests_max == 0) return written;
  written = Statement(*database_,
                      "INSERT INTO host_requests (host, at, owner, place, count) VALUES (?, ?, ?, "
                      "?, 1)")
                .Bind(visitor.host)
                .Bind(ToMs(now))
                .Bind(myself_)
                .Bind(place)
                .Run();
  return written ? DeleteOld(*database_, visitor.host, now) : written;
}

Status HostLedger::WriteRefused(const Visitor& visitor, WallTime now) {
  return Statement(*database_,
                   "INSERT INTO host_waits (host, owner, priority, since, lease_until) VALUES (?, "
                   "?, ?, ?, ?) ON CONFLICT (host, owner) DO UPDATE SET priority = "
                   "excluded.priority, lease_until = excluded.lease_until")
      .Bind(visitor.host)
      .Bind(myself_)
      .Bind(std::int64_t{visitor.priority})
      .Bind(ToMs(now))
      .Bind(ToMs(now + kWaitLease))
      .Run();
}

Status HostLedger::Leave(const std::string& host, std::int64_t place) {
  const bool unused = prepaid_here.ledger == this && prepaid_here.host == host;
  if (unused) prepaid_here = {};
  MutexLock lock(database_->mutex);
  if (unused) {
    Status given_back =
        Statement(*database_,
                  "DELETE FROM host_requests WHERE host = ? AND owner = ? AND place = ?")
            .Bind(host)
            .Bind(myself_)
            .Bind(place)
            .Run();
    if (!given_back) return given_back;
  }
  return Statement(*database_, "DELETE FROM host_places WHERE host = ? AND owner = ? AND place = ?")
      .Bind(host)
      .Bind(myself_)
      .Bind(place)
      .Run();
}

Result<bool> HostLedger::ForgetDead(const std::string& host) {
  std::set<std::string> owners;
  {
    MutexLock lock(database_->mutex);
    Statement select(*database_,
                     "SELECT owner FROM host_places WHERE host = ?1 UNION SELECT owner FROM "
                     "host_waits WHERE host = ?1");
    select.Bind(host);
    Status read = select.ForEachRow([&] { owners.insert(select.Text(0)); });
    if (!read) return std::move(read).error();
  }
  owners.erase(myself_);
  std::erase_if(owners, is_alive_);
  for (const std::string& owner : owners) {
    if (auto forgotten = Forget(owner); !forgotten) return std::move(forgotten).error();
  }
  return !owners.empty();
}

Status HostLedger::Forget(const std::string& owner) {
  MutexLock lock(database_->mutex);
  Transaction transaction(*database_);
  for (const char* sql :
       {"DELETE FROM host_places WHERE owner = ?", "DELETE FROM host_waits WHERE owner = ?"}) {
    if (auto deleted = Statement(*database_, sql).Bind(owner).Run(); !deleted) return deleted;
  }
  return transaction.Commit();
}

Status HostLedger::TakeRequests(const std::string& host, int count, int requests_max,
                                const std::function<Status()>& keep_going) {
  if (requests_max == 0) return {};
  if (prepaid_here.ledger == this && prepaid_here.host == host) {
    prepaid_here = {};
    --count;
  }
  count = std::min(count, requests_max);
  while (count > 0) {
    const auto taken = TryTakeRequests(host, count, requests_max);
    if (!taken) return taken.error();
    if (*taken) return {};
    if (auto going = keep_going ? keep_going() : Status(); !going) return going;
    std::this_thread::sleep_for(kAgainAfter);
  }
  return {};
}

Result<bool> HostLedger::TryTakeRequests(const std::string& host, int count, int requests_max) {
  const WallTime now = clock_.Now();
  MutexLock lock(database_->mutex);
  // One statement that looks and writes: nobody comes between.
  Statement take(*database_,
                 "INSERT INTO host_requests (host, at, owner, place, count) SELECT ?1, ?2, ?3, 0, "
                 "?4 WHERE (SELECT coalesce(sum(count), 0) FROM host_requests WHERE host = ?1 AND "
                 "at > ?5) + ?4 <= ?6 RETURNING count");
  take.Bind(host).Bind(ToMs(now)).Bind(myself_).Bind(std::int64_t{count});
  auto row = take.Bind(ToMs(now - kMinute)).Bind(std::int64_t{requests_max}).Step();
  if (!row) return std::move(row).error();
  const bool taken = *row;
  if (auto done = take.Run(); !done) return std::move(done).error();
  return taken;
}

Status HostLedger::Renew() {
  MutexLock lock(database_->mutex);
  const WallTime now = clock_.Now();
  return Statement(*database_,
                   "UPDATE host_places SET lease_until = ? WHERE owner = ? AND lease_until < ?")
      .Bind(ToMs(now + kPlaceLease))
      .Bind(myself_)
      .Bind(ToMs(now + kPlaceLease * 2 / 3))
      .Run();
}

Result<std::map<std::string, HostLedger::Use>> HostLedger::Uses() const {
  const WallTime now = clock_.Now();
  std::map<std::string, Use> uses;
  std::map<std::pair<std::string, std::string>, int> places;  // By owner and host.
  {
    MutexLock lock(database_->mutex);
    Statement select(*database_,
                     "SELECT owner, host, count(*) FROM host_places WHERE lease_until > ?1 GROUP "
                     "BY owner, host UNION ALL SELECT NULL, host, sum(count) FROM host_requests "
                     "WHERE at > ?2 GROUP BY host");
    select.Bind(ToMs(now)).Bind(ToMs(now - kMinute));
    Status read = select.ForEachRow([&] {
      const int count = static_cast<int>(select.Int(2));
      if (select.Text(0).empty()) {
        uses[select.Text(1)].request_count = count;
      } else {
        places[{select.Text(0), select.Text(1)}] = count;
      }
    });
    if (!read) return std::move(read).error();
  }
  for (const auto& [owner_and_host, count] : places) {
    const auto& [owner, host] = owner_and_host;
    if (owner == myself_ || is_alive_(owner)) uses[host].place_count += count;
  }
  return uses;
}

}  // namespace reposfs
