#include "cache/read_ahead.h"

#include <algorithm>
#include <iterator>

namespace reposfs {
namespace {

// Directories in which somebody's progress is remembered.
constexpr std::size_t kProgressCountMax = 256;
// A reader in order may skip some files, for example those that do not match its pattern.
constexpr std::size_t kSkippedCountMax = 16;
// Where a directory is larger, a first file further behind is not looked for.
constexpr std::size_t kFirstIndexMax = 4'096;
// A directory that is listed so soon after another was read whole belongs to the same scan.
constexpr std::chrono::seconds kScanGap(2);
constexpr std::size_t kScannedRepositoryCountMax = 256;
// Larger ones are read in many pieces, of which the kernel asks for the next by itself.
constexpr std::uint64_t kBlobMaxBytes = ReadAhead::kAheadBytes;
// One piece of work; smaller ones share the load better, larger ones cost less.
constexpr std::uint64_t kTaskBytes = 256u << 10;
constexpr std::size_t kTaskFileCount = 16;

std::size_t IndexOf(const Directory& directory, const Oid& blob, std::size_t begin,
                    std::size_t count_max) {
  const auto& entries = directory.entries;
  const auto from = entries.begin() + static_cast<std::ptrdiff_t>(std::min(begin, entries.size()));
  const auto to = static_cast<std::size_t>(entries.end() - from) > count_max
                      ? from + static_cast<std::ptrdiff_t>(count_max)
                      : entries.end();
  const auto found =
      std::find_if(from, to, [&](const TreeEntry& entry) { return entry.oid == blob; });
  return found == to ? entries.size() : static_cast<std::size_t>(found - entries.begin());
}

bool IsLastBlob(const Directory& directory, std::size_t index) {
  const auto behind = directory.entries.begin() + static_cast<std::ptrdiff_t>(index) + 1;
  return std::none_of(behind, directory.entries.end(),
                      [](const TreeEntry& entry) { return entry.IsBlob(); });
}

}  // namespace

ReadAhead::Progress& ReadAhead::ProgressOfLocked(const Key& key) {
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) {
    recent_first_.splice(recent_first_.begin(), recent_first_, known->second);
    return recent_first_.front();
  }
  recent_first_.push_front(Progress{key});
  by_key_[key] = recent_first_.begin();
  if (recent_first_.size() > kProgressCountMax) {
    by_key_.erase(recent_first_.back().key);
    recent_first_.pop_back();
  }
  return recent_first_.front();
}

bool ReadAhead::InScanLocked(std::int64_t repository) const {
  const auto whole = read_whole_at_.find(repository);
  return whole != read_whole_at_.end() &&
         std::chrono::steady_clock::now() - whole->second < kScanGap;
}

ReadAhead::Range ReadAhead::Extend(Progress& progress, const Directory& directory) {
  const std::size_t begin = std::max(progress.ahead_end, progress.next);
  std::uint64_t bytes = 0;
  std::uint64_t more_bytes = 0;
  std::size_t count = 0;
  std::size_t more_count = 0;
  std::size_t end = progress.next;
  for (; end < directory.entries.size() && count < kAheadCount && bytes < kAheadBytes; ++end) {
    if (!directory.entries[end].IsBlob()) continue;
    bytes += directory.sizes_bytes[end];
    ++count;
    if (end < begin) continue;
    more_bytes += directory.sizes_bytes[end];
    ++more_count;
  }
  // Work is handed over in pieces, not for each single file.
  const bool worth_it = end == directory.entries.size() || more_count >= kAheadCount / 4 ||
                        more_bytes >= kAheadBytes / 4;
  if (more_count == 0 || !worth_it) return {};
  progress.ahead_end = end;
  return Range{begin, end};
}

void ReadAhead::Reading(const Place& place, const Oid& blob) {
  const Directory& directory = *place.directory;
  Range range;
  {
    MutexLock lock(mutex_);
    Progress& progress = ProgressOfLocked({place.repository->id(), place.tree});
    std::size_t index = IndexOf(directory, blob, progress.next, kSkippedCountMax);
    const bool in_order = index < directory.entries.size();
    if (!in_order) index = IndexOf(directory, blob, 0, kFirstIndexMax);
    if (index == directory.entries.size()) return;
    progress.run_length = in_order ? progress.run_length + 1 : 1;
    if (!in_order) progress.ahead_end = 0;
    progress.next = index + 1;
    if (progress.run_length >= 2 && IsLastBlob(directory, index)) {
      if (read_whole_at_.size() > kScannedRepositoryCountMax) read_whole_at_.clear();
      read_whole_at_[place.repository->id()] = std::chrono::steady_clock::now();
    }
    if (progress.run_length >= 2) range = Extend(progress, directory);
  }
  Submit(place, range);
}

void ReadAhead::Listed(const Place& place) {
  Range range;
  {
    MutexLock lock(mutex_);
    if (!InScanLocked(place.repository->id())) return;
    Progress& progress = ProgressOfLocked({place.repository->id(), place.tree});
    progress = Progress{progress.key};
    progress.run_length = 1;
    range = Extend(progress, *place.directory);
  }
  Submit(place, range);
}

void ReadAhead::Submit(const Place& place, Range range) {
  const Directory& directory = *place.directory;
  for (std::size_t begin = range.begin; begin < range.end;) {
    std::uint64_t bytes = 0;
    std::size_t end = begin;
    while (end < range.end && end - begin < kTaskFileCount && bytes < kTaskBytes) {
      bytes += directory.sizes_bytes[end++];
    }
    if (task_count_.load(std::memory_order_relaxed) >= kTaskCountMax) return;
    task_count_.fetch_add(1, std::memory_order_relaxed);
    inflating_.Submit([this, place, piece = Range{begin, end}] {
      Inflate(place, piece);
      task_count_.fetch_sub(1, std::memory_order_relaxed);
    });
    begin = end;
  }
}

bool ReadAhead::HasPassed(const Key& key, std::size_t index) const {
  MutexLock lock(mutex_);
  const auto known = by_key_.find(key);
  return known == by_key_.end() || index < known->second->next;
}

void ReadAhead::Inflate(const Place& place, Range range) {
  const Repository::Use use(place.repository);
  for (std::size_t index = range.begin; index < range.end; ++index) {
    const TreeEntry& entry = place.directory->entries[index];
    const bool is_file = entry.IsBlob() && entry.type != EntryType::kSymlink;
    if (!is_file || place.directory->sizes_bytes[index] > kBlobMaxBytes) continue;
    if (HasPassed({place.repository->id(), place.tree}, index)) continue;
    const BlobCache::Key key{static_cast<std::uint64_t>(place.repository->id()), entry.oid};
    const auto made =
        blobs_.Get(key, [&] { return place.repository->objects().ReadBlob(entry.oid); });
    if (!made) return;  // Not here yet, or damaged: whoever asks for it will see to that.
    blob_count_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace reposfs
