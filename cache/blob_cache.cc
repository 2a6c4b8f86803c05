#include "cache/blob_cache.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string_view>

#include "base/file_util.h"

namespace reposfs {
namespace {

Result<BlobDataPtr> Spill(const std::string& content, const std::filesystem::path& directory) {
  auto file = OpenFile(directory, O_TMPFILE | O_RDWR);
  if (!file) return std::move(file).error();
  std::string_view rest = content;
  while (!rest.empty()) {
    const ssize_t written = ::write(file->get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError(errno, "spill a large blob into " + directory.string());
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  return std::make_shared<const BlobData>(std::move(*file), content.size());
}

}  // namespace

BlobDataPtr BlobCache::Peek(const Key& key) {
  MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  recent_first_.splice(recent_first_.begin(), recent_first_, found->second);
  return found->second->data;
}

Result<BlobDataPtr> BlobCache::Get(const Key& key, const Load& load) {
  {
    MutexLock lock(mutex_);
    while (true) {
      const auto found = by_key_.find(key);
      if (found != by_key_.end()) {
        found->second->used = true;
        recent_first_.splice(recent_first_.begin(), recent_first_, found->second);
        return found->second->data;
      }
      if (!loading_.contains(key)) break;
      loaded_.Wait(mutex_);
    }
    loading_.emplace(key, 1);
  }
  auto data = LoadNow(load);
  Slots dropped;  // Destroyed after the lock is released.
  {
    MutexLock lock(mutex_);
    loading_.erase(key);
    if (data) KeepLocked(key, *data, dropped);
  }
  loaded_.NotifyAll();
  return data;
}

Result<BlobDataPtr> BlobCache::LoadNow(const Load& load) const {
  auto content = load();
  if (!content) return std::move(content).error();
  if ((*content)->size() > kSpillBytes) return Spill(**content, scratch_);
  return std::make_shared<const BlobData>(std::move(*content));
}

void BlobCache::KeepLocked(const Key& key, BlobDataPtr data, Slots& dropped) {
  if (data->in_memory() && data->size_bytes() > memory_max_bytes_) return;
  if (data->in_memory()) {
    memory_bytes_ += data->size_bytes();
  } else {
    ++spilled_count_;
  }
  recent_first_.push_front(Slot{key, std::move(data)});
  by_key_[key] = recent_first_.begin();
  while (memory_bytes_ > memory_max_bytes_ || spilled_count_ > kSpilledCountMax) {
    const bool memory = memory_bytes_ > memory_max_bytes_;
    const auto oldest =
        std::find_if(recent_first_.rbegin(), recent_first_.rend(),
                     [&](const Slot& slot) { return slot.data->in_memory() == memory; });
    DropLocked(std::prev(oldest.base()), dropped);
  }
}

void BlobCache::DropLocked(Slots::iterator slot, Slots& dropped) {
  if (slot->data->in_memory()) {
    memory_bytes_ -= slot->data->size_bytes();
  } else {
    --spilled_count_;
  }
  by_key_.erase(slot->key);
  dropped.splice(dropped.end(), recent_first_, slot);
}

void BlobCache::NoteRead(const Key& key, std::uint64_t size_bytes) {
  Slots dropped;
  MutexLock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end() || !found->second->data->in_memory()) return;
  found->second->read_bytes += size_bytes;
  if (found->second->read_bytes >= found->second->data->size_bytes()) {
    DropLocked(found->second, dropped);
  }
}

void BlobCache::DropUnused() {
  Slots dropped;
  MutexLock lock(mutex_);
  for (auto slot = recent_first_.begin(); slot != recent_first_.end();) {
    const auto next = std::next(slot);
    if (!std::exchange(slot->used, false)) DropLocked(slot, dropped);
    slot = next;
  }
}

std::uint64_t BlobCache::memory_bytes() const {
  MutexLock lock(mutex_);
  return memory_bytes_;
}

}  // namespace reposfs
