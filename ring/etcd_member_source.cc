#include "ring/etcd_member_source.h"

#include <algorithm>
#include <cassert>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/thread_pool.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// After a change or a failure; bounds how often a busy or broken etcd is asked.
constexpr milliseconds kPause{100};
constexpr milliseconds kPauseAfterFailure{1'000};

std::string ToValue(const Member& member) {
  return nlohmann::json{{"address", member.address}, {"weight", member.weight}}.dump();
}

// Who wrote it is no longer there to complain to, so the message names the key.
Result<Member> ToMember(std::string id, const std::string& value) {
  const auto json = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Error{Errc::kInvalidArgument, "its value is no JSON object"};
  const auto address = json.find("address");
  const auto weight = json.find("weight");
  if (address == json.end() || !address->is_string()) {
    return Error{Errc::kInvalidArgument, "its value has no address"};
  }
  Member member{std::move(id), address->get<std::string>(), 1};
  if (weight != json.end()) {
    if (!weight->is_number_integer() || *weight < 1 || *weight > kMemberWeightMax) {
      return Error{Errc::kInvalidArgument, "its weight is none from 1 to 1000"};
    }
    member.weight = weight->get<int>();
  }
  if (auto status = CheckMembers({member}); !status) return std::move(status).error();
  return member;
}

// An endpoint that hangs must not use up the time in which another could renew the lease.
EtcdOptions ForLease(EtcdOptions options, milliseconds ttl) {
  options.attempt_timeout = std::min(options.attempt_timeout, ttl / 6);
  return options;
}

}  // namespace

EtcdMemberSource::EtcdMemberSource(EtcdMemberSourceOptions options)
    : options_(std::move(options)),
      members_prefix_(options_.prefix + "/members/"),
      client_(ForLease(options_.etcd, options_.lease_ttl)) {
  assert(!options_.self || CheckMembers({*options_.self}));
}

EtcdMemberSource::~EtcdMemberSource() {
  Stop();
}

void EtcdMemberSource::Start(Listener listener) {
  listener_ = std::move(listener);
  thread_ = std::thread([this] { Run(); });
}

void EtcdMemberSource::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    stop_.NotifyAll();
  }
  client_.Stop();
  thread_.join();
}

void EtcdMemberSource::Run() {
  SetThreadName("ring-etcd");
  while (true) {
    const Status status = Round(steady_clock::now() + milliseconds(options_.lease_ttl) / 3);
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
    }
    if (!status && told_error_ != status.error().message) {
      told_error_ = status.error().message;
      listener_(status.error());
    }
    Pause(status ? kPause : kPauseAfterFailure);
  }
}

Status EtcdMemberSource::Round(Deadline deadline) {
  if (options_.self) {
    if (auto status = KeepAnnounced(deadline); !status) return status;
  }
  auto found = Read(deadline);
  if (!found) return std::move(found).error();
  // Somebody removed the key, or etcd has forgotten it: the next round writes it again.
  announced_ = found->announced || found->taken;
  Tell(*found);
  if (options_.self && !announced_) return {};
  const auto on_event = [](const EtcdEvent&) { return false; };
  auto watched = client_.Watch(members_prefix_, found->revision + 1, on_event, deadline);
  // What happened in between is not known any more: the next round reads what is there.
  if (!watched && watched.error().code == Errc::kNotFound) return {};
  return watched;
}

Status EtcdMemberSource::KeepAnnounced(Deadline deadline) {
  if (auto status = KeepLease(deadline); !status) return status;
  return announced_ ? Status() : Announce(deadline);
}

Status EtcdMemberSource::KeepLease(Deadline deadline) {
  if (lease_ != 0) {
    const auto left = client_.KeepAlive(lease_, deadline);
    if (left) return {};
    if (left.error().code != Errc::kNotFound) return left.error();
    lease_ = 0;
  }
  const auto lease = client_.GrantLease(options_.lease_ttl, deadline);
  if (!lease) return lease.error();
  lease_ = lease->id;
  announced_ = false;
  return {};
}

// What stands there is overwritten: most likely it is this node's own, from before it was started
// again.
Status EtcdMemberSource::Announce(Deadline deadline) {
  const auto put =
      client_.Put({members_prefix_ + options_.self->id, ToValue(*options_.self), lease_}, deadline);
  if (!put) return put.error();
  announced_ = true;
  return {};
}

Result<EtcdMemberSource::Found> EtcdMemberSource::Read(Deadline deadline) {
  const auto range = client_.List(members_prefix_, static_cast<int>(kMemberCountMax), deadline);
  if (!range) return range.error();
  if (range->more) {
    return Error{Errc::kInvalidArgument, "etcd has more nodes below " + members_prefix_ +
                                             " than a ring can have (" +
                                             std::to_string(kMemberCountMax) + ")"};
  }
  Found found;
  found.revision = range->revision;
  for (const EtcdKeyValue& entry : range->items) ReadEntry(entry, found);
  std::sort(found.members.begin(), found.members.end(),
            [](const Member& a, const Member& b) { return a.id < b.id; });
  return found;
}

void EtcdMemberSource::ReadEntry(const EtcdKeyValue& entry, Found& found) const {
  auto member = ToMember(entry.key.substr(members_prefix_.size()), entry.value);
  const bool own = options_.self && entry.key == members_prefix_ + options_.self->id;
  if (own && entry.lease == lease_) found.announced = true;
  if (!member) {
    found.complaint = "etcd: " + Printable(entry.key) + ": " + member.error().message;
    return;
  }
  if (own && entry.lease != lease_) {
    found.taken = true;
    found.complaint = "another node, " + member->address + ", announces itself as " +
                      options_.self->id + "; give each its own ring.nodeId";
  }
  found.members.push_back(std::move(*member));
}

void EtcdMemberSource::Tell(const Found& found) {
  if (told_ && told_error_ == told_->complaint && found.SaysTheSameAs(*told_)) return;
  told_ = found;
  told_error_ = found.complaint;
  listener_(found.members);
  if (!found.complaint.empty()) listener_(Error{Errc::kInvalidArgument, found.complaint});
}

void EtcdMemberSource::Pause(milliseconds time) {
  const auto end = steady_clock::now() + time;
  MutexLock lock(mutex_);
  while (!stopping_ && steady_clock::now() < end) {
    stop_.WaitFor(mutex_, std::chrono::ceil<milliseconds>(end - steady_clock::now()));
  }
}

}  // namespace reposfs
