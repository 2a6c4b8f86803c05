#include "base/flight.h"

#include <algorithm>

namespace reposfs {

void Flight::Then(Callback callback) {
  std::optional<Status> landed;
  {
    MutexLock lock(mutex_);
    if (!status_) {
      callbacks_.push_back(std::move(callback));
      return;
    }
    landed = status_;
  }
  callback(*landed);
}

void Flight::Land(Status status) {
  std::vector<Callback> callbacks;
  {
    MutexLock lock(mutex_);
    if (status_) return;
    status_ = status;
    callbacks.swap(callbacks_);
  }
  landed_.NotifyAll();
  for (const Callback& callback : callbacks) callback(status);
}

Status Flight::Wait() {
  MutexLock lock(mutex_);
  while (!status_) landed_.Wait(mutex_);
  return *status_;
}

bool Flight::landed() const {
  MutexLock lock(mutex_);
  return status_.has_value();
}

void Flight::NoteProgress() {
  last_progress_.store(std::chrono::steady_clock::now().time_since_epoch().count(),
                       std::memory_order_relaxed);
}

Flight::SteadyTime Flight::last_progress() const {
  const SteadyTime own(SteadyTime::duration(last_progress_.load(std::memory_order_relaxed)));
  return whole_ ? std::max(own, whole_->last_progress()) : own;
}

}  // namespace reposfs
