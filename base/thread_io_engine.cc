#include "base/thread_io_engine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/io_task.h"

namespace reposfs {
namespace {

// One system call for the task; what it returned, or -errno.
class Caller {
 public:
  explicit Caller(IoTask& task) : task_(task) {}

  std::int64_t operator()(const ReadOperation& read) const {
    const auto rest = task_.RestToRead();
    return Answer(::pread(read.fd, rest.data(), rest.size(),
                          static_cast<off_t>(read.offset + task_.transferred_bytes)));
  }
  std::int64_t operator()(const WriteOperation& write) const {
    const auto rest = task_.RestToWrite();
    return Answer(::pwrite(write.fd, rest.data(), rest.size(),
                           static_cast<off_t>(write.offset + task_.transferred_bytes)));
  }
  std::int64_t operator()(const SyncOperation& sync) const { return Answer(::fsync(sync.fd)); }
  std::int64_t operator()(const WritebackOperation& range) const {
    return Answer(::sync_file_range(range.fd, static_cast<off64_t>(range.offset),
                                    static_cast<off64_t>(range.size_bytes), SYNC_FILE_RANGE_WRITE));
  }
  std::int64_t operator()(const OpenOperation& open) const {
    return Answer(::openat(open.directory, open.path.c_str(), open.flags | O_CLOEXEC, open.mode));
  }
  std::int64_t operator()(const StatOperation& stat) const {
    return Answer(::statx(stat.directory, stat.path.c_str(), stat.flags, stat.mask, &task_.info));
  }
  std::int64_t operator()(const UnlinkOperation& unlink) const {
    return Answer(::unlinkat(unlink.directory, unlink.path.c_str(), unlink.flags));
  }

 private:
  static std::int64_t Answer(std::int64_t returned) { return returned < 0 ? -errno : returned; }

  IoTask& task_;
};

}  // namespace

ThreadIoEngine::ThreadIoEngine(const IoEngineOptions& options, std::string refusal)
    : IoEngine(options), refusal_(std::move(refusal)), pool_("io", options.thread_count_max) {}

ThreadIoEngine::~ThreadIoEngine() {
  {
    MutexLock lock(queue_mutex_);
    stopping_ = true;
  }
  WaitUntilIdle();
  pool_.Stop();
}

void ThreadIoEngine::Start(std::vector<TaskPtr> tasks) {
  for (TaskPtr& task : tasks) {
    const IoToken token = task->token;
    {
      MutexLock lock(queue_mutex_);
      queued_.emplace(token, std::move(task));
    }
    pool_.Submit([this, token] { CarryOut(token); });
  }
}

void ThreadIoEngine::Cancel(IoToken token) {
  MutexLock lock(queue_mutex_);
  const auto queued = queued_.find(token);
  if (queued != queued_.end()) queued->second->cancelled = true;
}

void ThreadIoEngine::CarryOut(IoToken token) {
  EnterThread();
  TaskPtr task;
  {
    MutexLock lock(queue_mutex_);
    const auto queued = queued_.find(token);
    task = std::move(queued->second);
    queued_.erase(queued);
    if (stopping_) task->cancelled = true;
  }
  if (task->cancelled) {
    task->Cancel();
  } else {
    while (!task->Take(std::visit(Caller(*task), task->operation))) {
    }
  }
  Finish(std::move(task));
}

}  // namespace reposfs
