// Ownership and errors of libgit2, for the few files of this folder that call it.
#pragma once

#include <git2.h>

#include <memory>
#include <string_view>

#include "base/result.h"

namespace reposfs {

template <auto Free>
struct GitDeleter {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using GitOdb = std::unique_ptr<git_odb, GitDeleter<git_odb_free>>;
using GitOdbObject = std::unique_ptr<git_odb_object, GitDeleter<git_odb_object_free>>;

// The Error for `rc`, a negative libgit2 return value, about `what`.  kNotFound if the object is
// not there, else kCorrupt: all that we ask of libgit2 is to read our own disk.  Call it before any
// other libgit2 function: the message is per-thread state that the next call may replace.
Error GitError(int rc, std::string_view what);

// Calls `open(&raw, args...)` and owns what it produced.
template <typename Handle, typename Open, typename... Args>
Result<Handle> OpenGit(std::string_view what, Open open, Args... args) {
  typename Handle::pointer raw = nullptr;
  if (const int rc = open(&raw, args...); rc < 0) return GitError(rc, what);
  return Handle(raw);
}

}  // namespace reposfs
