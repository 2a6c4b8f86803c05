#include "cache/pack_resolver.h"

#include <algorithm>
#include <tuple>

#include "base/thread_pool.h"
#include "cache/delta.h"
#include "cache/object_check.h"
#include "cache/object_hash.h"
#include "cache/pack_format.h"

namespace reposfs {
namespace {

constexpr std::chrono::milliseconds kAskInterval(50);

std::size_t SizeOf(const PackResolver::Batch& batch) {
  std::size_t size_bytes = 0;
  for (const PackResolver::Task& task : batch) {
    if (task.content) size_bytes += task.content->size();
  }
  return size_bytes;
}

}  // namespace

PackResolver::PackResolver(PackEntryTable& entries, const PackFile& file, std::size_t thread_count,
                           std::function<Status()> keep_going)
    : entries_(entries),
      file_(file),
      thread_count_max_(thread_count - 1),
      keep_going_(std::move(keep_going)) {}

PackResolver::~PackResolver() {
  failed_ = true;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_arrived_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

Status PackResolver::Submit(Batch batch) {
  bool too_much = false;
  {
    MutexLock lock(mutex_);
    if (!status_) return status_;
    // A pack of one batch is done sooner than a thread starts.
    if (!queue_.empty() && idle_count_ == 0 && threads_.size() < thread_count_max_) {
      threads_.emplace_back([this] { Serve(); });
    }
    queue_bytes_ += SizeOf(batch);
    queue_.push_back(std::move(batch));
    too_much = queue_bytes_ > kQueueMaxBytes;
    if (too_much) {
      batch = Take();
      ++active_count_;
    }
  }
  work_arrived_.NotifyOne();
  if (!too_much) return MayGoOn(bench_);
  Run(bench_, batch);
  return MayGoOn(bench_);
}

Status PackResolver::Drain() {
  while (true) {
    if (auto status = MayGoOn(bench_); !status) return status;
    Batch batch;
    {
      MutexLock lock(mutex_);
      if (!status_) return status_;
      if (queue_.empty() && active_count_ == 0) return {};
      if (queue_.empty()) {
        idle_count_.fetch_add(1);
        work_done_.WaitFor(mutex_, kAskInterval);
        idle_count_.fetch_sub(1);
        continue;
      }
      batch = Take();
      ++active_count_;
    }
    Run(bench_, batch);
  }
}

Status PackResolver::ResolveByIds() {
  Batch ready;
  {
    MutexLock lock(mutex_);
    releasing_ = true;
    if (waiting_.empty()) return {};
    std::sort(waiting_.begin(), waiting_.end(), [](const Waiting& a, const Waiting& b) {
      return std::tie(a.base, a.entry) < std::tie(b.base, b.entry);
    });
    std::vector<std::uint32_t> found;
    for (std::uint32_t i = 0; i < entries_.count(); ++i) {
      if (entries_.at(i).resolved) ReleaseWaiting(entries_.at(i).oid, i, found);
    }
    for (const std::uint32_t entry : found) ready.push_back(Task{entry, nullptr});
  }
  if (auto submitted = Submit(std::move(ready)); !submitted) return submitted;
  return Drain();
}

std::vector<PackResolver::Waiting> PackResolver::StillWaiting() const {
  std::vector<Waiting> still;
  MutexLock lock(mutex_);
  for (const Waiting& waiting : waiting_) {
    if (entries_.at(waiting.entry).base == PackEntry::kNone) still.push_back(waiting);
  }
  std::sort(still.begin(), still.end(),
            [](const Waiting& a, const Waiting& b) { return a.entry < b.entry; });
  return still;
}

std::uint32_t PackResolver::resolved_count() const {
  MutexLock lock(mutex_);
  return resolved_count_;
}

void PackResolver::Serve() {
  SetThreadName("indexer");
  Bench bench(*this, false);
  while (true) {
    Batch batch;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !stopping_) {
        idle_count_.fetch_add(1);
        work_arrived_.Wait(mutex_);
        idle_count_.fetch_sub(1);
      }
      if (stopping_) return;
      batch = Take();
      ++active_count_;
    }
    Run(bench, batch);
  }
}

PackResolver::Batch PackResolver::Take() {
  Batch batch = std::move(queue_.front());
  queue_.pop_front();
  queue_bytes_ -= SizeOf(batch);
  return batch;
}

// REQUIRES: active_count_ counts this thread.
void PackResolver::Run(Bench& bench, const Batch& batch) {
  Status status;
  for (std::size_t i = 0; status && i < batch.size(); ++i) status = Handle(bench, batch[i]);
  bench.turn.End();
  bench.ready.clear();
  if (!status) Fail(std::move(status).error());
  {
    MutexLock lock(mutex_);
    --active_count_;
  }
  work_done_.NotifyAll();
}

void PackResolver::Fail(Error error) {
  failed_ = true;
  MutexLock lock(mutex_);
  if (status_) status_ = std::move(error);
  queue_.clear();
  queue_bytes_ = 0;
}

Status PackResolver::MayGoOn(Bench& bench) {
  if (failed_) {
    MutexLock lock(mutex_);
    // A destructor gives no reason.
    return status_ ? Error{Errc::kInterrupted, "the transfer was given up"} : status_;
  }
  if (!bench.callers || !keep_going_) return {};
  const auto now = std::chrono::steady_clock::now();
  if (now - bench.asked < kAskInterval) return {};
  bench.asked = now;
  auto status = keep_going_();
  if (!status) Fail(status.error());
  return status;
}

// Resolves one entry, then all that hangs at it.
Status PackResolver::Handle(Bench& bench, const Task& task) {
  Status status;
  if (!entries_.at(task.entry).IsDelta()) {
    status = Object(bench, task);
  } else if (!HangUp(task.entry)) {
    status = Delta(bench, task.entry, task.content);
  }
  while (status && !bench.ready.empty()) {
    if (bench.ready.size() > 1 && idle_count_ > 0) Share(bench);
    const std::uint32_t entry = bench.ready.back();
    bench.ready.pop_back();
    status = Delta(bench, entry, nullptr);
  }
  return status;
}

// Gives those that would be resolved last to the threads that have nothing to do.
void PackResolver::Share(Bench& bench) {
  const auto half = bench.ready.begin() + static_cast<std::ptrdiff_t>(bench.ready.size() / 2);
  Batch batch;
  for (auto entry = bench.ready.begin(); entry != half; ++entry) {
    batch.push_back(Task{*entry, nullptr});
  }
  bench.ready.erase(bench.ready.begin(), half);
  {
    MutexLock lock(mutex_);
    queue_.push_front(std::move(batch));
  }
  work_arrived_.NotifyOne();
  work_done_.NotifyAll();
}

Status PackResolver::Object(Bench& bench, const Task& task) {
  const PackEntry& entry = entries_.at(task.entry);
  const ObjectType type = ObjectTypeOf(entry.packed_as);
  if (!task.hashed) return Resolve(bench, task.entry, type, task.content);
  if (type != ObjectType::kBlob) {
    auto content = bench.reader.Read(task.entry, bench.turn);
    if (!content) return std::move(content).error();
    if (auto checked = CheckObject(type, **content); !checked) return checked;
  }
  bench.turn.End();
  SetResolved(bench, task.entry, type, entry.oid);
  return {};
}

// `delta` may be null.  REQUIRES: the base is resolved.
Status PackResolver::Delta(Bench& bench, std::uint32_t entry, ContentPtr delta) {
  if (!delta) {
    auto read = bench.reader.Read(entry, bench.turn);
    if (!read) return std::move(read).error();
    delta = std::move(*read);
  }
  // Before the base is brought into memory, which is as large as the delta says, or all is corrupt.
  const auto sizes = ParseDeltaSizes(*delta);
  if (!sizes) return sizes.error();
  if (sizes->base_bytes > kObjectSizeMaxBytes) {
    return Error{Errc::kUnsupported, "a base of " + std::to_string(sizes->base_bytes) + " bytes"};
  }
  if (auto status = bench.turn.Need(sizes->base_bytes); !status) return status;
  const std::uint32_t base = entries_.at(entry).base;
  auto base_content = Content(bench, base);
  if (!base_content) return std::move(base_content).error();
  auto content = Apply(bench, **base_content, *delta);
  if (!content) return std::move(content).error();
  auto status = Resolve(bench, entry, entries_.at(base).type, std::move(*content));
  bench.turn.End();
  return status;
}

// What `delta` makes of `base`.
Result<ContentPtr> PackResolver::Apply(Bench& bench, std::string_view base,
                                       std::string_view delta) {
  const auto sizes = ParseDeltaSizes(delta);
  if (!sizes) return sizes.error();
  if (sizes->result_bytes > kObjectSizeMaxBytes) {
    return Error{Errc::kUnsupported,
                 "an object of " + std::to_string(sizes->result_bytes) + " bytes"};
  }
  const std::uint64_t size_bytes = base.size() + delta.size() + sizes->result_bytes;
  if (auto status = bench.turn.Need(size_bytes); !status) return std::move(status).error();
  auto content = ApplyDelta(base, delta);
  if (!content) return std::move(content).error();
  return ContentPtr(std::make_shared<std::string>(std::move(*content)));
}

// The content of a resolved entry: from the cache, or made again.
Result<ContentPtr> PackResolver::Content(Bench& bench, std::uint32_t entry) {
  std::vector<std::uint32_t> chain;
  ContentPtr content = cache_.Get(entry);
  for (std::uint32_t at = entry; !content; at = entries_.at(at).base) {
    if (entries_.at(at).IsDelta()) {
      chain.push_back(at);
      content = cache_.Get(entries_.at(at).base);
      continue;
    }
    auto read = bench.reader.Read(at, bench.turn);
    if (!read) return std::move(read).error();
    content = std::move(*read);
  }
  for (; !chain.empty(); chain.pop_back()) {
    if (auto status = MayGoOn(bench); !status) return std::move(status).error();
    auto delta = bench.reader.Read(chain.back(), bench.turn);
    if (!delta) return std::move(delta).error();
    auto applied = Apply(bench, *content, **delta);
    if (!applied) return std::move(applied).error();
    content = std::move(*applied);
  }
  cache_.Put(entry, content);
  return content;
}

Status PackResolver::Resolve(Bench& bench, std::uint32_t entry, ObjectType type,
                             ContentPtr content) {
  if (auto status = MayGoOn(bench); !status) return status;
  const auto id = HashObject(type, *content);
  if (!id) return id.error();
  if (auto checked = CheckObject(type, *content); !checked) {
    return std::move(checked).error().Within(id->Hex());
  }
  entries_.at(entry).size_bytes = content->size();
  // First, so that whoever takes a delta of it finds it.
  cache_.Put(entry, std::move(content));
  SetResolved(bench, entry, type, *id);
  return {};
}

// Whether `entry`, a delta, now waits for its base.
bool PackResolver::HangUp(std::uint32_t index) {
  PackEntry& entry = entries_.at(index);
  MutexLock lock(mutex_);
  if (entry.base == PackEntry::kNone) {
    waiting_.push_back(Waiting{entry.oid, index});
    return true;
  }
  PackEntry& base = entries_.at(entry.base);
  if (base.resolved) return false;
  entry.next_sibling = base.first_child;
  base.first_child = index;
  return true;
}

void PackResolver::SetResolved(Bench& bench, std::uint32_t index, ObjectType type, const Oid& id) {
  PackEntry& entry = entries_.at(index);
  MutexLock lock(mutex_);
  entry.oid = id;
  entry.type = type;
  entry.resolved = true;
  ++resolved_count_;
  for (std::uint32_t child = entry.first_child; child != PackEntry::kNone;
       child = entries_.at(child).next_sibling) {
    bench.ready.push_back(child);
  }
  entry.first_child = PackEntry::kNone;
  if (releasing_) ReleaseWaiting(id, index, bench.ready);
}

void PackResolver::ReleaseWaiting(const Oid& base, std::uint32_t index,
                                  std::vector<std::uint32_t>& ready) {
  auto waiting =
      std::lower_bound(waiting_.begin(), waiting_.end(), base,
                       [](const Waiting& left, const Oid& right) { return left.base < right; });
  for (; waiting != waiting_.end() && waiting->base == base; ++waiting) {
    PackEntry& entry = entries_.at(waiting->entry);
    if (entry.base != PackEntry::kNone) continue;
    entry.base = index;
    ready.push_back(waiting->entry);
  }
}

}  // namespace reposfs
