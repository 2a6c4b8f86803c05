#include "ring/etcd_locks.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "ring/etcd_json.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using BootTime = BootClock::time_point;

// Whoever is further back asks again later.
constexpr int kQueueCountMax = 1'000;
// A watch that is silent may hang: then the queue is read again.
constexpr milliseconds kWatchTimeout = seconds(2);
constexpr milliseconds kAside{300};
// Who had to wait for less is as good as served at once.
constexpr milliseconds kNoWait{50};

Deadline In(milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}

EtcdOptions ClientOptions(const EtcdLockOptions& options) {
  EtcdOptions etcd = options.etcd;
  // A renewal must have time for another endpoint when one hangs.
  etcd.attempt_timeout = std::min(etcd.attempt_timeout, milliseconds(options.lease) / 8);
  return etcd;
}

// The lease at the end of a ticket's key; 0 if there is none.
std::int64_t LeaseOf(const std::string& key) {
  std::int64_t lease = 0;
  const char* begin = key.data() + key.rfind('/') + 1;
  const char* end = key.data() + key.size();
  const auto [read, error] = std::from_chars(begin, end, lease);
  return error == std::errc() && read == end ? lease : 0;
}

// With the '/' at its end.
std::string DirectoryOf(const std::string& key) {
  return key.substr(0, key.rfind('/') + 1);
}

struct TicketValue {
  LockMode mode = LockMode::kExclusive;  // If it is not told: nobody is let by who should not.
  std::string owner;
  WallTime asked_at{};
  WallTime held_since{};
};

std::string Write(const TicketValue& value) {
  const nlohmann::json json = {{"mode", LockModeName(value.mode)},
                               {"owner", value.owner},
                               {"askedAt", value.asked_at.time_since_epoch().count()},
                               {"heldSince", value.held_since.time_since_epoch().count()}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

TicketValue Read(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  TicketValue value;
  value.mode = ParseLockMode(JsonText(json, "mode")).value_or(LockMode::kExclusive);
  value.owner = JsonText(json, "owner");
  value.asked_at = WallTime(milliseconds(JsonInt64(json, "askedAt")));
  value.held_since = WallTime(milliseconds(JsonInt64(json, "heldSince")));
  return value;
}

Error Gone() {
  return Error{Errc::kNotFound, "the ticket is gone: its lease lapsed"};
}

}  // namespace

std::unique_ptr<LockService> OpenEtcdLocks(const EtcdLockOptions& options) {
  return std::make_unique<LockService>(std::make_unique<EtcdLocks>(options), options.lease);
}

EtcdLocks::EtcdLocks(const EtcdLockOptions& options)
    : prefix_(options.prefix + "/locks/"),
      lease_(options.lease),
      owner_(LockOwnerName()),
      waiting_(ClientOptions(options)),
      keeping_(ClientOptions(options)) {}

Result<LockTicket> EtcdLocks::Enqueue(const LockName& name, LockMode mode, Deadline deadline) {
  const std::string directory =
      prefix_ + std::string(LockScopeName(name.scope)) + "/" + PercentEncode(name.name) + "/";
  const std::string value = Write({mode, owner_, SystemClock().Now(), {}});
  while (true) {
    const BootTime begun = BootClock::now();
    const auto lease = waiting_.GrantLease(lease_, deadline);
    if (!lease) return lease.error();
    auto ticket = PutTicket(directory, value, *lease, deadline);
    if (ticket) {
      ticket->lease_end = begun + lease->ttl;
      return ticket;
    }
    // Else it stands in the way until its lease ends.
    static_cast<void>(keeping_.RevokeLease(lease->id, In(kAside)));
    if (ticket.error().code != Errc::kNotFound) return ticket;
  }
}

Result<LockTicket> EtcdLocks::PutTicket(const std::string& directory, const std::string& value,
                                        const EtcdLease& lease, Deadline deadline) {
  const std::string key = directory + std::to_string(lease.id);
  const auto put = waiting_.Transact({{{key, 0}}, {{key, value, lease.id}}, {}}, deadline);
  if (!put) return put.error();
  // If it is there already, an attempt that seemed to fail was carried out.
  if (put->succeeded) return LockTicket{key, put->revision, {}};
  if (put->found) return LockTicket{key, put->found->create_revision, {}};
  return Error{Errc::kUnreachable, "etcd: an answer to txn makes no sense; is it etcd?"};
}

Result<std::optional<EtcdLocks::Blocker>> EtcdLocks::FindBlocker(const LockTicket& ticket,
                                                                 Deadline deadline) {
  const auto queue = waiting_.List(DirectoryOf(ticket.id), kQueueCountMax, deadline);
  if (!queue) return queue.error();
  const auto mine = std::find_if(queue->items.begin(), queue->items.end(),
                                 [&](const EtcdKeyValue& item) { return item.key == ticket.id; });
  if (mine == queue->items.end()) {
    if (!queue->more) return Gone();
    return std::optional(Blocker{queue->items.back().key, queue->revision});
  }
  if (mine->create_revision != ticket.token) return Gone();
  const LockMode mode = Read(mine->value).mode;
  for (auto earlier = mine; earlier != queue->items.begin();) {
    --earlier;
    if (MustWaitFor(mode, Read(earlier->value).mode)) {
      return std::optional(Blocker{earlier->key, queue->revision});
    }
  }
  NoteTurn(ticket, *mine);
  return std::optional<Blocker>();
}

void EtcdLocks::NoteTurn(const LockTicket& ticket, const EtcdKeyValue& mine) {
  TicketValue value = Read(mine.value);
  value.held_since = SystemClock().Now();
  if (value.held_since - value.asked_at < kNoWait) return;
  static_cast<void>(waiting_.Transact(
      {{{ticket.id, ticket.token}}, {{ticket.id, Write(value), std::nullopt}}, {}}, In(kAside)));
}

Result<bool> EtcdLocks::AwaitTurn(const LockTicket& ticket, Deadline deadline) {
  while (true) {
    const auto blocker = FindBlocker(ticket, deadline);
    if (!blocker) return blocker.error();
    if (!*blocker) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    const auto watched = waiting_.Watch(
        (*blocker)->key, (*blocker)->revision + 1,
        [](const EtcdEvent& event) { return event.kind != EtcdEvent::Kind::kDelete; },
        std::min(deadline, In(kWatchTimeout)));
    // What can no longer be told by events is in the queue.
    if (!watched && watched.error().code != Errc::kNotFound) return watched.error();
    if (std::chrono::steady_clock::now() >= deadline) return false;
  }
}

Result<BootTime> EtcdLocks::Renew(const LockTicket& ticket, Deadline deadline) {
  const BootTime begun = BootClock::now();
  const auto lease = keeping_.GrantLease(lease_, deadline);
  if (!lease) return lease.error();
  {
    MutexLock lock(mutex_);
    moved_[ticket.id] = lease->id;
  }
  const auto moved = keeping_.Transact(
      {{{ticket.id, ticket.token}}, {{ticket.id, std::nullopt, lease->id}}, {}}, deadline);
  if (!moved && moved.error().code == Errc::kNotFound) {
    // The new lease is over already; the ticket need not be.
    return Error{Errc::kUnreachable, moved.error().message};
  }
  if (!moved) return moved.error();
  if (!moved->succeeded) return Gone();
  return begun + lease->ttl;
}

std::int64_t EtcdLocks::MovedTo(const LockTicket& ticket) const {
  MutexLock lock(mutex_);
  const auto found = moved_.find(ticket.id);
  return found == moved_.end() ? 0 : found->second;
}

Status EtcdLocks::Release(const LockTicket& ticket, Deadline deadline) {
  const std::int64_t moved = MovedTo(ticket);
  Status deleted;
  if (moved != 0) {
    // If a renewal seemed to fail, it may be on the lease before.
    const auto outcome =
        keeping_.Transact({{{ticket.id, ticket.token}}, {}, {ticket.id}}, deadline);
    if (!outcome) deleted = outcome.error();
  }
  Status revoked = keeping_.RevokeLease(moved != 0 ? moved : LeaseOf(ticket.id), deadline);
  MutexLock lock(mutex_);
  moved_.erase(ticket.id);
  return deleted ? revoked : deleted;
}

Result<std::vector<LockRecord>> EtcdLocks::List(Deadline deadline) {
  const auto tickets = waiting_.List(prefix_, kLockRecordCountMax, deadline);
  if (!tickets) return tickets.error();
  std::vector<LockRecord> records;
  for (const EtcdKeyValue& item : tickets->items) {
    const auto parts = Split(std::string_view(item.key).substr(prefix_.size()), '/');
    const auto scope = ParseLockScope(parts[0]);
    if (parts.size() != 3 || !scope) continue;  // A newer reposfs has written it.
    const TicketValue value = Read(item.value);
    LockRecord record;
    record.name = {*scope, PercentDecode(parts[1])};
    record.mode = value.mode;
    record.token = item.create_revision;
    record.owner = value.owner;
    record.asked_at = value.asked_at;
    if (value.held_since != WallTime{}) record.held_since = value.held_since;
    // One that lapses meanwhile has no time left.
    const auto ttl = waiting_.TimeToLive(item.lease, deadline);
    if (ttl) record.lease_left = *ttl;
    if (!ttl && ttl.error().code != Errc::kNotFound) return ttl.error();
    records.push_back(std::move(record));
  }
  MarkHolders(records);
  for (LockRecord& record : records) {
    if (record.held && !record.held_since) record.held_since = record.asked_at;
  }
  return records;
}

}  // namespace reposfs
