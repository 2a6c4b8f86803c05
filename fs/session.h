// The FUSE session: mounts, negotiates with the kernel, and hands what it asks to Requests.
//
// `open` and `opendir` are not implemented, so the kernel stops sending them; what is open is none
// of our business, since nodes never change.
//
// Thread-safety: Run() is called once.  The rest may be called from any thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/repository_cache.h"
#include "fs/kernel_agreement.h"
#include "fs/view.h"

namespace reposfs {

struct SessionOptions {
  std::filesystem::path mountpoint;
  bool allow_other = false;
  uid_t uid = 0;  // Who owns everything in the mount.
  gid_t gid = 0;
  LookupOptions lookup;
  // Options for the kernel beyond those that are always part of the mount, for example "noexec".
  std::vector<std::string> kernel_options;
};

class Session {
 public:
  // Mounts.  `cache` must outlive the session.  Errors: kAccessDenied, kNotFound, kIo, each saying
  // what to do.
  static Result<std::unique_ptr<Session>> Mount(SessionOptions options, RepositoryCache& cache);
  ~Session();  // Unmounts.
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Serves until the file system is unmounted or SIGTERM, SIGINT or SIGHUP arrives.
  Status Run();

  // Detaches the file system and ends every request that waits.  After it the cache may be stopped,
  // and must be before the session is destroyed: until then its flights call back.
  void Unmount();

  std::size_t node_count() const;
  std::size_t parked_count() const;
  KernelAgreement kernel_agreement() const;

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace reposfs
