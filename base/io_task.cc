#include "base/io_task.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

namespace reposfs {
namespace {

Status ToStatus(std::int64_t result, std::string_view what) {
  if (result < 0) return ErrnoError(static_cast<int>(-result), what);
  return {};
}

// Tells each kind of operation its result.
class Teller {
 public:
  Teller(std::int64_t result, const struct statx& info) : result_(result), info_(info) {}

  void operator()(ReadOperation& read) const {
    if (result_ < 0) return read.done(ErrnoError(static_cast<int>(-result_), "read"));
    read.done(static_cast<std::size_t>(result_));
  }
  void operator()(WriteOperation& write) const { write.done(ToStatus(result_, "write")); }
  void operator()(SyncOperation& sync) const { sync.done(ToStatus(result_, "fsync")); }
  void operator()(WritebackOperation& writeback) const {
    writeback.done(ToStatus(result_, "sync_file_range"));
  }
  void operator()(OpenOperation& open) const {
    if (result_ < 0) {
      return open.done(ErrnoError(static_cast<int>(-result_), "open " + open.path));
    }
    open.done(UniqueFd(static_cast<int>(result_)));
  }
  void operator()(StatOperation& stat) const {
    if (result_ < 0) {
      return stat.done(ErrnoError(static_cast<int>(-result_), "stat " + stat.path));
    }
    stat.done(info_);
  }
  void operator()(UnlinkOperation& unlink) const {
    unlink.done(ToStatus(result_, "unlink " + unlink.path));
  }

 private:
  const std::int64_t result_;
  const struct statx& info_;
};

}  // namespace

bool IoTask::Take(std::int64_t result) {
  if ((result == -EINTR || result == -EAGAIN) && retry_count_ < kRetryCountMax) {
    ++retry_count_;
    if (!cancelled) return false;
    result = -ECANCELED;
  }
  result_ = result;
  if (result < 0) return true;
  retry_count_ = 0;
  return TakeTransfer(static_cast<std::size_t>(result));
}

// A count of 0 ends both: there the file ends, or nothing more can be written.
bool IoTask::TakeTransfer(std::size_t count) {
  std::size_t wanted = 0;
  const auto* read = std::get_if<ReadOperation>(&operation);
  const auto* write = std::get_if<WriteOperation>(&operation);
  if (read == nullptr && write == nullptr) return true;
  wanted = read != nullptr ? read->into.size() : write->from.size();
  transferred_bytes += count;
  assert(transferred_bytes <= wanted);
  result_ = static_cast<std::int64_t>(transferred_bytes);
  if (transferred_bytes == wanted) return true;
  if (count == 0) {
    if (write != nullptr) result_ = -EIO;
    return true;
  }
  if (!cancelled) return false;
  result_ = -ECANCELED;
  return true;
}

void IoTask::Cancel() {
  result_ = -ECANCELED;
}

void IoTask::Finish() {
  std::visit(Teller(result_, info), operation);
}

std::span<char> IoTask::RestToRead() const {
  const auto rest = std::get<ReadOperation>(operation).into.subspan(transferred_bytes);
  return rest.first(std::min(rest.size(), kCallBytesMax));
}

std::span<const char> IoTask::RestToWrite() const {
  const auto rest = std::get<WriteOperation>(operation).from.subspan(transferred_bytes);
  return rest.first(std::min(rest.size(), kCallBytesMax));
}

}  // namespace reposfs
