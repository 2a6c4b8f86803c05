// One commit of a repository as a directory: what all nodes of a view share.
//
// A view is usually made for a commit that is known.  If the host did not say in time which commit
// a name shows, the view is made all the same, and resolved by the first request inside it.
//
// Thread-safety: every method may be called from any thread.
//
// Invariants:
//   (1) Once resolved, a view shows the same commit for ever.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/flight.h"
#include "base/mutex.h"
#include "cache/blob_cache.h"
#include "cache/repository_cache.h"
#include "fs/inode_number.h"

namespace reposfs {

// What every node of one mount needs.
struct MountContext {
  RepositoryCache& cache;
  LookupOptions lookup;
  // How long the kernel may take a name for the commit it showed last.
  std::chrono::milliseconds view_validity;
  uid_t uid;
  gid_t gid;
  // Where the mount is, and its st_dev there; set before the first request is served.  Empty and
  // zero if they are not known.
  std::filesystem::path mountpoint = {};
  dev_t device = 0;
};

class View : public std::enable_shared_from_this<View> {
 public:
  // `spelling` is what follows '@'; empty for the default branch.
  View(const MountContext& mount, RepositoryKey key, std::string spelling);

  // REQUIRES: not resolved yet, and not shared yet.
  void SetTarget(Target target);

  const MountContext& mount() const { return mount_; }
  RepositoryCache& cache() const { return mount_.cache; }
  const RepositoryKey& key() const { return key_; }
  const std::string& spelling() const { return spelling_; }

  // Resolves the view if need be.
  Outcome<Target> target();
  // The same, if it is resolved already.
  std::optional<Target> target_if_known() const REPOSFS_EXCLUDES(mutex_);
  // The same; empty if it is not.
  Target target_or_empty() const { return target_if_known().value_or(Target{}); }

  // The commit's root tree and time; brings the tip if need be.  In an empty repository the tree is
  // null.
  Outcome<Commit> commit();

  // When every file of the view was last modified: when its commit was made.  REQUIRES: commit()
  // has returned a value.
  std::chrono::sys_time<std::chrono::nanoseconds> modified() const REPOSFS_EXCLUDES(mutex_);

  // The commit's root tree.  REQUIRES: commit() has returned a value.
  Oid root_tree() const REPOSFS_EXCLUDES(mutex_);

  // Of the view itself; every node below derives its own from it.
  InodeIdentity identity() const REPOSFS_EXCLUDES(mutex_);

 private:
  const MountContext& mount_;
  const RepositoryKey key_;
  const std::string spelling_;

  mutable Mutex mutex_;  // A leaf lock.
  std::optional<Target> target_ REPOSFS_GUARDED_BY(mutex_);
  std::optional<Commit> commit_ REPOSFS_GUARDED_BY(mutex_);
};

using ViewPtr = std::shared_ptr<View>;

}  // namespace reposfs
