// The resource /debug/locks: who holds which lock, and who waits for one.
//
// The coordinator may be another machine, so it is asked on a thread of its own, for a few requests
// at a time.
//
// Thread-safety: every method may be called from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "base/lock_backend.h"
#include "base/thread_pool.h"
#include "daemon/router.h"

namespace reposfs {

class LockResources {
 public:
  using List = std::function<Result<std::vector<LockRecord>>()>;

  explicit LockResources(List list) : list_(std::move(list)) {}

  // This must outlive every request that `router` handles.
  void AddTo(Router& router);

 private:
  void Answer(const HttpServer::Reply& reply);

  const List list_;
  // A limit, and nothing that others read depends on it.
  std::atomic<int> waiting_count_{0};
  ThreadPool pool_{"lock-list", 1};
};

}  // namespace reposfs
