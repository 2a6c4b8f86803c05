#include "cache/root_finder.h"

#include <utility>

#include "cache/object_check.h"
#include "cache/object_hash.h"

namespace reposfs {

std::optional<RootFinder::Root> RootFinder::Take(ObjectType type, std::string_view content) {
  if (done_ || !IsWanted(type, content)) return std::nullopt;
  if (!commit_) {
    auto commit = ParseCommit(content);
    done_ = !commit;
    if (!commit) return std::nullopt;
    commit_ = std::move(*commit);
    wanted_ = commit_->tree;
    return std::nullopt;
  }
  done_ = true;
  auto tree = ParseTree(content);
  if (!tree) return std::nullopt;
  return Root{*commit_, std::move(*tree)};
}

bool RootFinder::IsWanted(ObjectType type, std::string_view content) {
  if (type != (commit_ ? ObjectType::kTree : ObjectType::kCommit)) return false;
  if (candidate_count_left_ == 0) return false;
  --candidate_count_left_;
  const auto id = HashObject(type, content);
  return id && *id == wanted_ && CheckObject(type, content).has_value();
}

}  // namespace reposfs
