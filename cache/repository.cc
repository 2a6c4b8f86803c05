#include "cache/repository.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace reposfs {

Repository::Repository(RepositoryKey key, RepositoryRecord record,
                       const std::filesystem::path& directory, std::shared_ptr<BytesOnDisk> total)
    : key_(std::move(key)),
      id_(record.id),
      directory_(directory),
      total_(std::move(total)),
      objects_(directory_.objects()),
      last_opened_ms_(record.last_opened.time_since_epoch().count()),
      record_(std::move(record)) {
  total_->fetch_add(record_.size_bytes, std::memory_order_relaxed);
}

RepositoryRecord Repository::record() const {
  MutexLock lock(mutex_);
  RepositoryRecord record = record_;
  record.last_opened = last_opened();
  record.open_count += more_opens_.load(std::memory_order_relaxed);
  return record;
}

void Repository::SetRecord(const RepositoryRecord& record) {
  MutexLock lock(mutex_);
  if (record.revision < record_.revision) return;
  const std::int64_t open_count = record_.open_count;
  // The difference may be negative: unsigned numbers wrap around.
  total_->fetch_add(record.size_bytes - record_.size_bytes, std::memory_order_relaxed);
  record_ = record;
  record_.open_count = open_count;
}

std::int64_t Repository::revision() const {
  MutexLock lock(mutex_);
  return record_.revision;
}

Stage Repository::stage() const {
  MutexLock lock(mutex_);
  return record_.stage;
}

std::uint64_t Repository::size_bytes() const {
  MutexLock lock(mutex_);
  return record_.size_bytes;
}

RefSnapshotPtr Repository::refs() const {
  MutexLock lock(mutex_);
  return refs_;
}

void Repository::SetRefs(RefSnapshotPtr refs) {
  {
    MutexLock lock(mutex_);
    refs_ = std::move(refs);
  }
  generation_.fetch_add(1, std::memory_order_acq_rel);
}

Stage Repository::StageOf(const Oid& commit) const {
  Stage stage = Stage::kAbsent;
  {
    MutexLock lock(mutex_);
    const auto found = roots_.find(commit);
    if (found != roots_.end()) stage = found->second;
    if (stage == Stage::kContent || record_.stage != Stage::kComplete) return stage;
  }
  return objects_.Contains(commit) ? Stage::kContent : stage;
}

void Repository::SetRoot(const RootRecord& root) {
  {
    MutexLock lock(mutex_);
    Stage& stage = roots_[root.commit];
    stage = std::max(stage, root.stage);
  }
  generation_.fetch_add(1, std::memory_order_acq_rel);
}

std::vector<RootRecord> Repository::roots() const {
  MutexLock lock(mutex_);
  std::vector<RootRecord> roots;
  roots.reserve(roots_.size());
  for (const auto& [commit, stage] : roots_) roots.push_back(RootRecord{commit, stage});
  return roots;
}

void Repository::Forget() {
  {
    MutexLock lock(mutex_);
    roots_.clear();
    record_.stage = Stage::kAbsent;
    total_->fetch_sub(std::exchange(record_.size_bytes, 0), std::memory_order_relaxed);
  }
  ContentChanged();
}

void Repository::ContentChanged() {
  objects_.Refresh();
  generation_.fetch_add(1, std::memory_order_acq_rel);
}

void Repository::ContentChangedForAll() {
  ContentChanged();
  std::this_thread::sleep_for(kNewsWait);
}

void Repository::Touch(WallTime now, milliseconds granularity) {
  const std::int64_t now_ms = now.time_since_epoch().count();
  const std::int64_t before = last_opened_ms_.load(std::memory_order_relaxed);
  if (now_ms <= before) return;
  last_opened_ms_.store(now_ms, std::memory_order_relaxed);
  if (now_ms - before >= granularity.count()) more_opens_.fetch_add(1, std::memory_order_relaxed);
  touched_.store(true, std::memory_order_relaxed);
}

void Repository::NoteOpened(WallTime time) {
  const std::int64_t ms = time.time_since_epoch().count();
  if (ms > last_opened_ms_.load(std::memory_order_relaxed)) {
    last_opened_ms_.store(ms, std::memory_order_relaxed);
  }
}

std::optional<OpenedRecord> Repository::TakeOpened() {
  if (!touched_.exchange(false, std::memory_order_relaxed)) return std::nullopt;
  const std::int64_t more = more_opens_.exchange(0, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  record_.open_count += more;
  return OpenedRecord{id_, last_opened(), more};
}

WallTime Repository::last_opened() const {
  return WallTime(std::chrono::milliseconds(last_opened_ms_.load(std::memory_order_relaxed)));
}

std::filesystem::path Repository::LockFile() const {
  return directory_.path().parent_path().parent_path() / "locks" / std::to_string(id_);
}

bool Repository::BeginEviction() {
  int nobody = 0;
  if (!use_count_.compare_exchange_strong(nobody, -1, std::memory_order_acq_rel)) return false;
  if (lock_.TryOwn(LockFile())) return true;
  use_count_.store(0, std::memory_order_release);
  return false;
}

void Repository::EndEviction() {
  lock_.Release();
  shares_.store(false, std::memory_order_release);
  use_count_.store(0, std::memory_order_release);
}

void Repository::ShareNoMore() {
  if (!shares_.load(std::memory_order_acquire)) return;
  int nobody = 0;
  if (!use_count_.compare_exchange_strong(nobody, -1, std::memory_order_acq_rel)) return;
  EndEviction();
}

Repository::Use::Use(std::shared_ptr<Repository> repository) : repository_(std::move(repository)) {
  std::atomic<int>& count = repository_->use_count_;
  int seen = count.load(std::memory_order_acquire);
  while (seen < 0 || !count.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) {
    if (seen < 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
    seen = count.load(std::memory_order_acquire);
  }
  if (repository_->shares_.load(std::memory_order_acquire)) return;
  if (!repository_->lock_.Share(repository_->LockFile())) return;
  repository_->shares_.store(true, std::memory_order_release);
}

Repository::Use::~Use() {
  if (repository_) repository_->use_count_.fetch_sub(1, std::memory_order_acq_rel);
}

}  // namespace reposfs
