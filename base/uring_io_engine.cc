#include "base/uring_io_engine.h"

#include <liburing.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <future>
#include <unordered_map>
#include <utility>

#include "base/io_task.h"
#include "base/thread_pool.h"

namespace reposfs {
namespace {

// What completions carry that are of no task; tokens count up from 1.
constexpr std::uint64_t kWakeData = ~std::uint64_t{0};
constexpr std::uint64_t kCancelData = kWakeData - 1;

// The kernel's own threads, for what would block: of bounded work (files) and of unbounded.
constexpr unsigned kKernelThreadCountMax = 16;

// ERESTARTSYS, which no header for programs has: system calls never return it.
constexpr int kErestartsys = 512;

constexpr unsigned kCompletionBatch = 64;

// 5.11 was the last to bring one of these.
constexpr std::array kOperationsNeeded = {
    IORING_OP_READ,     IORING_OP_WRITE,           IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED,
    IORING_OP_FSYNC,    IORING_OP_SYNC_FILE_RANGE, IORING_OP_STATX,      IORING_OP_OPENAT,
    IORING_OP_UNLINKAT, IORING_OP_ASYNC_CANCEL};

struct ProbeDeleter {
  void operator()(io_uring_probe* probe) const { io_uring_free_probe(probe); }
};

// Owns a ring.
class Ring {
 public:
  Ring() = default;
  ~Ring() {
    if (open_) io_uring_queue_exit(&ring_);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  Status Open(unsigned entries) {
    // The first set is cheaper; kernels before 6.1 do not know it.
    int rc = -EINVAL;
    for (const unsigned flags : {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, 0U}) {
      rc = io_uring_queue_init(entries, &ring_, flags);
      if (rc != -EINVAL) break;
    }
    if (rc < 0) return ErrnoError(-rc, "io_uring_setup");
    open_ = true;
    const std::unique_ptr<io_uring_probe, ProbeDeleter> probe(io_uring_get_probe_ring(&ring_));
    if (!probe) return Error{Errc::kUnsupported, "io_uring can't be asked what it can do"};
    const bool complete =
        std::all_of(kOperationsNeeded.begin(), kOperationsNeeded.end(),
                    [&](int code) { return io_uring_opcode_supported(probe.get(), code) != 0; });
    if (!complete) return Error{Errc::kUnsupported, "io_uring lacks operations before Linux 5.11"};
    unsigned counts[] = {kKernelThreadCountMax, kKernelThreadCountMax};
    // Before 5.15 the kernel's own bound has to do.
    io_uring_register_iowq_max_workers(&ring_, counts);
    return {};
  }

  io_uring* get() { return &ring_; }

 private:
  io_uring ring_{};
  bool open_ = false;
};

// Writes the submission for the next call of a task.
class Preparer {
 public:
  // `fixed`: where the memory of reads and writes is registered.
  Preparer(IoTask& task, io_uring_sqe* entry, const IoBufferPool* fixed)
      : task_(task), entry_(entry), fixed_(fixed) {}

  void operator()(const ReadOperation& read) const {
    const auto rest = task_.RestToRead();
    const auto size = static_cast<unsigned>(rest.size());
    const std::uint64_t offset = read.offset + task_.transferred_bytes;
    if (const auto index = Fixed(rest)) {
      io_uring_prep_read_fixed(entry_, read.fd, rest.data(), size, offset, *index);
    } else {
      io_uring_prep_read(entry_, read.fd, rest.data(), size, offset);
    }
  }
  void operator()(const WriteOperation& write) const {
    const auto rest = task_.RestToWrite();
    const auto size = static_cast<unsigned>(rest.size());
    const std::uint64_t offset = write.offset + task_.transferred_bytes;
    if (const auto index = Fixed(rest)) {
      io_uring_prep_write_fixed(entry_, write.fd, rest.data(), size, offset, *index);
    } else {
      io_uring_prep_write(entry_, write.fd, rest.data(), size, offset);
    }
  }
  void operator()(const SyncOperation& sync) const { io_uring_prep_fsync(entry_, sync.fd, 0); }
  void operator()(const WritebackOperation& range) const {
    io_uring_prep_sync_file_range(entry_, range.fd, range.size_bytes, range.offset,
                                  SYNC_FILE_RANGE_WRITE);
  }
  void operator()(const OpenOperation& open) const {
    io_uring_prep_openat(entry_, open.directory, open.path.c_str(), open.flags | O_CLOEXEC,
                         open.mode);
  }
  void operator()(const StatOperation& stat) const {
    io_uring_prep_statx(entry_, stat.directory, stat.path.c_str(), stat.flags, stat.mask,
                        &task_.info);
  }
  void operator()(const UnlinkOperation& unlink) const {
    io_uring_prep_unlinkat(entry_, unlink.directory, unlink.path.c_str(), unlink.flags);
  }

 private:
  std::optional<int> Fixed(std::span<const char> bytes) const {
    const auto index = fixed_ == nullptr ? std::nullopt : fixed_->IndexOf(bytes);
    if (!index) return std::nullopt;
    return static_cast<int>(*index);
  }

  IoTask& task_;
  io_uring_sqe* const entry_;
  const IoBufferPool* const fixed_;
};

void BlockAllSignals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

// What the engine's thread does; nobody else touches it.
class UringIoEngine::Loop {
 public:
  explicit Loop(UringIoEngine& engine) : engine_(engine) {}

  Status Open(std::size_t in_flight_count_max) {
    // Each may be cancelled while it is there, and there is the read of the eventfd.
    return ring_.Open(static_cast<unsigned>(2 * in_flight_count_max + 1));
  }

  void Run() {
    ListenForWake();
    while (true) {
      ReadInbox();
      if (stopping_ && cancels_in_ring_ == 0 && engine_.in_flight_count() == 0) break;
      // What can go wrong here (a signal, no memory for now) leaves the submissions where they are.
      if (io_uring_submit_and_wait(ring_.get(), 1) == -ENOMEM) std::this_thread::yield();
      TakeCompletions();
    }
  }

 private:
  // A free submission; the kernel takes what is there if there is none.
  io_uring_sqe* NewEntry() {
    io_uring_sqe* entry = io_uring_get_sqe(ring_.get());
    while (entry == nullptr) {
      if (io_uring_submit(ring_.get()) < 0) std::this_thread::yield();
      entry = io_uring_get_sqe(ring_.get());
    }
    return entry;
  }

  void ListenForWake() {
    io_uring_sqe* entry = NewEntry();
    io_uring_prep_read(entry, engine_.wake_.get(), &engine_.wake_count_, sizeof engine_.wake_count_,
                       0);
    io_uring_sqe_set_data64(entry, kWakeData);
  }

  void ReadInbox() {
    Inbox inbox = engine_.TakeInbox();
    if (!inbox.tasks.empty()) RegisterBuffersOnce();
    for (TaskPtr& task : inbox.tasks) Begin(std::move(task));
    for (const IoToken token : inbox.cancelled) CancelRunning(token);
    if (inbox.stop && !stopping_) {
      stopping_ = true;
      std::vector<IoToken> tokens;
      for (const auto& [token, task] : running_) tokens.push_back(token);
      for (const IoToken token : tokens) CancelRunning(token);
    }
  }

  // Those that are leased first may be used first: registering waits for the first lease, since it
  // pins the memory.
  void RegisterBuffersOnce() {
    const std::span<char> memory = engine_.buffers().memory();
    if (registering_tried_ || memory.empty()) return;
    registering_tried_ = true;
    const std::size_t size = engine_.buffers().size_bytes();
    std::vector<iovec> buffers;
    for (std::size_t begin = 0; begin < memory.size(); begin += size) {
      buffers.push_back({memory.data() + begin, size});
    }
    const int rc = io_uring_register_buffers(ring_.get(), buffers.data(),
                                             static_cast<unsigned>(buffers.size()));
    engine_.buffers_registered_ = rc == 0;
  }

  void Begin(TaskPtr task) {
    if (stopping_) {
      task->Cancel();
      engine_.Finish(std::move(task));
      return;
    }
    Call(*task);
    running_.emplace(task->token, std::move(task));
  }

  void Call(IoTask& task) {
    const IoBufferPool* fixed = engine_.buffers_registered_ ? &engine_.buffers() : nullptr;
    io_uring_sqe* entry = NewEntry();
    std::visit(Preparer(task, entry, fixed), task.operation);
    io_uring_sqe_set_data64(entry, task.token);
  }

  void CancelRunning(IoToken token) {
    const auto running = running_.find(token);
    if (running == running_.end()) return;
    running->second->cancelled = true;
    io_uring_sqe* entry = NewEntry();
    io_uring_prep_cancel64(entry, token, 0);
    io_uring_sqe_set_data64(entry, kCancelData);
    ++cancels_in_ring_;
  }

  void TakeCompletions() {
    io_uring_cqe* completions[kCompletionBatch];
    while (true) {
      const unsigned count = io_uring_peek_batch_cqe(ring_.get(), completions, kCompletionBatch);
      if (count == 0) return;
      // Copied, so that a callback which takes its time does not keep the kernel's queue full.
      struct Completion {
        std::uint64_t data;
        int result;
      } copies[kCompletionBatch];
      for (unsigned index = 0; index < count; ++index) {
        copies[index] = {completions[index]->user_data, completions[index]->res};
      }
      io_uring_cq_advance(ring_.get(), count);
      for (unsigned index = 0; index < count; ++index)
        Take(copies[index].data, copies[index].result);
    }
  }

  void Take(std::uint64_t data, int result) {
    if (data == kWakeData) return ListenForWake();
    if (data == kCancelData) {
      --cancels_in_ring_;
      return;
    }
    const auto running = running_.find(data);
    assert(running != running_.end());
    // An interrupted openat() answers in the kernel's own words.
    if (result == -kErestartsys) result = -EINTR;
    if (!running->second->Take(result)) return Call(*running->second);
    TaskPtr task = std::move(running->second);
    running_.erase(running);
    engine_.Finish(std::move(task));
  }

  UringIoEngine& engine_;
  Ring ring_;
  std::unordered_map<IoToken, TaskPtr> running_;
  std::size_t cancels_in_ring_ = 0;
  bool registering_tried_ = false;
  bool stopping_ = false;
};

Result<std::unique_ptr<UringIoEngine>> UringIoEngine::Create(const IoEngineOptions& options) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake) return ErrnoError(errno, "eventfd");
  std::unique_ptr<UringIoEngine> engine(new UringIoEngine(options, std::move(wake)));
  std::promise<Status> opened;
  auto answer = opened.get_future();
  engine->thread_ = std::thread([raw = engine.get(), &options, &opened] {
    SetThreadName("io");
    BlockAllSignals();
    raw->EnterThread();
    // The ring belongs to the thread that makes it.
    Loop loop(*raw);
    Status status = loop.Open(options.in_flight_count_max);
    const bool good = status.has_value();
    opened.set_value(std::move(status));
    if (good) loop.Run();
  });
  if (Status status = answer.get(); !status) return std::move(status).error();
  return engine;
}

UringIoEngine::UringIoEngine(const IoEngineOptions& options, UniqueFd wake)
    : IoEngine(options), wake_(std::move(wake)) {}

UringIoEngine::~UringIoEngine() {
  {
    MutexLock lock(inbox_mutex_);
    inbox_.stop = true;
  }
  Wake();
  if (thread_.joinable()) thread_.join();
}

void UringIoEngine::Start(std::vector<TaskPtr> tasks) {
  bool was_empty = false;
  {
    MutexLock lock(inbox_mutex_);
    was_empty = inbox_.empty();
    std::move(tasks.begin(), tasks.end(), std::back_inserter(inbox_.tasks));
  }
  // Whoever made it not empty has woken the thread, and that takes everything.
  if (was_empty) Wake();
}

void UringIoEngine::Cancel(IoToken token) {
  bool was_empty = false;
  {
    MutexLock lock(inbox_mutex_);
    was_empty = inbox_.empty();
    inbox_.cancelled.push_back(token);
  }
  if (was_empty) Wake();
}

UringIoEngine::Inbox UringIoEngine::TakeInbox() {
  MutexLock lock(inbox_mutex_);
  return std::exchange(inbox_, {});
}

void UringIoEngine::Wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace reposfs
