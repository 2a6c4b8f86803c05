#include "base/thread_pool.h"

#include <pthread.h>

#include <utility>

namespace reposfs {

ThreadPool::ThreadPool(std::string name, std::size_t thread_count_max)
    : name_(std::move(name)), thread_count_max_(thread_count_max) {}

ThreadPool::~ThreadPool() {
  Stop();
}

void ThreadPool::Submit(std::function<void()> task) {
  MutexLock lock(mutex_);
  if (stopping_) return;
  queue_.push_back(std::move(task));
  if (queue_.size() > idle_count_ && threads_.size() < thread_count_max_) {
    threads_.emplace_back([this] { Work(); });
  }
  changed_.NotifyOne();
}

void ThreadPool::Stop() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    queue_.clear();
    threads.swap(threads_);
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads) thread.join();
}

void ThreadPool::Work() {
  SetThreadName(name_);
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(mutex_);
      ++idle_count_;
      while (queue_.empty() && !stopping_) changed_.Wait(mutex_);
      --idle_count_;
      if (stopping_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    task();
  }
}

void SetThreadName(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace reposfs
