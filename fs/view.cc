#include "fs/view.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace reposfs {
namespace {

// git keeps times in its index in 32 bits.
constexpr std::int64_t kTimeMax = (std::int64_t{1} << 32) - 2;

}  // namespace

View::View(const MountContext& mount, RepositoryKey key, std::string spelling)
    : mount_(mount), key_(std::move(key)), spelling_(std::move(spelling)) {}

void View::SetTarget(Target target) {
  MutexLock lock(mutex_);
  target_ = std::move(target);
}

std::optional<Target> View::target_if_known() const {
  MutexLock lock(mutex_);
  return target_;
}

Outcome<Target> View::target() {
  if (auto known = target_if_known()) return std::move(*known);
  Outcome<Target> resolved = mount_.cache.Resolve(key_, spelling_, Staleness::kAccepted);
  if (!resolved.has_value()) return resolved;
  MutexLock lock(mutex_);
  if (!target_) target_ = resolved.value();
  return *target_;
}

Outcome<Commit> View::commit() {
  {
    MutexLock lock(mutex_);
    if (commit_) return *commit_;
  }
  Outcome<Target> shown = target();
  if (!shown.has_value()) return shown.As<Commit>();
  Commit commit{Oid{}, 0};
  if (!shown.value().ref.commit.IsNull()) {
    Outcome<Commit> read = mount_.cache.ReadCommit(shown.value());
    if (!read.has_value()) return read;
    commit = read.value();
  }
  commit.committer_time_s = std::clamp<std::int64_t>(commit.committer_time_s, 0, kTimeMax);
  MutexLock lock(mutex_);
  commit_ = commit;
  return commit;
}

std::chrono::sys_time<std::chrono::nanoseconds> View::modified() const {
  MutexLock lock(mutex_);
  return std::chrono::sys_seconds(
      std::chrono::seconds(commit_ ? commit_->committer_time_s : std::int64_t{0}));
}

Oid View::root_tree() const {
  MutexLock lock(mutex_);
  assert(commit_);
  return commit_->tree;
}

InodeIdentity View::identity() const {
  constexpr InodeIdentity kMountRoot{1, 0};
  MutexLock lock(mutex_);
  const std::string commit = target_ ? target_->ref.commit.Hex() : "unresolved";
  return IdentityOf(kMountRoot, key_.Text() + "@" + spelling_, commit);
}

}  // namespace reposfs
