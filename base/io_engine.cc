#include "base/io_engine.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "base/io_task.h"
#include "base/thread_io_engine.h"
#include "base/uring_io_engine.h"

namespace reposfs {
namespace {

// The engine that the calling thread works for.
thread_local const IoEngine* engine_of_thread = nullptr;

}  // namespace

std::unique_ptr<IoEngine> IoEngine::Create(const IoEngineOptions& options) {
  if (options.choice == IoEngineChoice::kThreads) {
    return std::make_unique<ThreadIoEngine>(options, std::string());
  }
  auto uring = UringIoEngine::Create(options);
  if (uring) return std::move(*uring);
  return std::make_unique<ThreadIoEngine>(options, uring.error().message);
}

IoEngine::IoEngine(const IoEngineOptions& options)
    : in_flight_count_max_(options.in_flight_count_max),
      buffers_(options.buffer_count, options.buffer_size_bytes) {
  assert(in_flight_count_max_ > 0);
}

std::string IoEngine::Describe() const {
  const std::string engine = name();
  return refusal().empty() ? engine : engine + " (" + refusal() + ")";
}

IoToken IoEngine::Submit(IoOperation operation) {
  std::vector<IoOperation> batch;
  batch.push_back(std::move(operation));
  return Submit(std::move(batch));
}

IoToken IoEngine::Submit(std::vector<IoOperation> batch) {
  IoToken token = 0;
  {
    MutexLock lock(mutex_);
    token = next_token_;
    next_token_ += batch.size();
  }
  for (std::size_t begun = 0; begun < batch.size();) {
    const std::size_t count = TakePlaces(batch.size() - begun);
    std::vector<TaskPtr> tasks;
    tasks.reserve(count);
    for (const std::size_t end = begun + count; begun < end; ++begun) {
      tasks.push_back(std::make_unique<IoTask>(token + begun, std::move(batch[begun])));
    }
    Start(std::move(tasks));
  }
  return token;
}

std::size_t IoEngine::TakePlaces(std::size_t wanted) {
  MutexLock lock(mutex_);
  std::size_t count = wanted;
  if (engine_of_thread != this) {
    while (in_flight_count_ >= in_flight_count_max_) freed_.Wait(mutex_);
    count = std::min(wanted, in_flight_count_max_ - in_flight_count_);
  }
  in_flight_count_ += count;
  return count;
}

void IoEngine::Finish(TaskPtr task) {
  task->Finish();
  // What the callback owns goes before its place does: who waits for the engine to be idle may
  // destroy what a callback refers to.
  task.reset();
  MutexLock lock(mutex_);
  --in_flight_count_;
  freed_.NotifyAll();
}

void IoEngine::WaitUntilIdle() {
  MutexLock lock(mutex_);
  while (in_flight_count_ > 0) freed_.Wait(mutex_);
}

void IoEngine::EnterThread() {
  engine_of_thread = this;
}

std::size_t IoEngine::in_flight_count() const {
  MutexLock lock(mutex_);
  return in_flight_count_;
}

}  // namespace reposfs
