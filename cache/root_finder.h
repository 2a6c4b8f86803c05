// Finds a commit and its root tree among the objects of a pack that is still arriving.
//
// They come first, as git writes packs: commits before trees, a tree before what is below it.  What
// is found is what was asked for, whatever else the pack holds, since its id is computed here.
//
// Thread-safety: none.
#pragma once

#include <optional>
#include <string_view>

#include "cache/object.h"
#include "cache/object_store.h"
#include "cache/oid.h"
#include "cache/tree.h"

namespace reposfs {

class RootFinder {
 public:
  // So many objects are hashed in vain at most: the pack is hashed once more when it is indexed.
  static constexpr int kCandidateCountMax = 64;

  struct Root {
    Commit commit;
    Tree tree;
  };

  explicit RootFinder(const Oid& commit) : wanted_(commit) {}

  // Takes the next object.  Returns something once, when both are here.
  std::optional<Root> Take(ObjectType type, std::string_view content);

 private:
  bool IsWanted(ObjectType type, std::string_view content);

  Oid wanted_;  // The commit, then its tree.
  std::optional<Commit> commit_;
  int candidate_count_left_ = kCandidateCountMax;
  bool done_ = false;
};

}  // namespace reposfs
