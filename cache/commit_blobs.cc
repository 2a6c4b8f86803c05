#include "cache/commit_blobs.h"

#include <string_view>
#include <unordered_set>
#include <utility>

#include "cache/tree.h"

namespace reposfs {

Result<Oid> PeelToCommit(const ObjectStore& objects, Oid id) {
  constexpr int kTagDepthMax = 16;
  for (int depth = 0; depth < kTagDepthMax; ++depth) {
    auto object = objects.Read(id);
    if (!object) return std::move(object).error();
    if (object->type == ObjectType::kCommit) return id;
    constexpr std::string_view kObject = "object ";
    const std::string_view content = object->content;
    if (object->type != ObjectType::kTag || !content.starts_with(kObject)) break;
    const auto next = Oid::FromHex(content.substr(kObject.size(), Oid::kHexSize));
    if (!next) break;
    id = *next;
  }
  return Error{Errc::kNotFound, "object " + id.Hex() + " is not a commit"};
}

namespace {

// Shows `visit` the blobs of each tree below `commit_id`, each tree once, until it returns false.
template <typename Visit>
Status WalkTrees(const ObjectStore& objects, const Oid& commit_id, Visit visit) {
  auto commit = objects.ReadCommit(commit_id);
  if (!commit) return std::move(commit).error();
  std::unordered_set<Oid, OidHash> seen = {commit->tree};
  std::vector<Oid> trees = {commit->tree};
  while (!trees.empty()) {
    const Oid id = trees.back();
    trees.pop_back();
    auto object = objects.Read(id);
    if (!object) return std::move(object).error();
    auto tree = ParseTree(object->content);
    if (!tree) return std::move(tree).error();
    std::vector<Oid> blobs;
    for (const TreeEntry& entry : tree->entries) {
      if (entry.type == EntryType::kSubmodule || !seen.insert(entry.oid).second) continue;
      (entry.type == EntryType::kDirectory ? trees : blobs).push_back(entry.oid);
    }
    if (!visit(blobs)) return {};
  }
  return {};
}

}  // namespace

Result<bool> HasAllBlobs(const ObjectStore& objects, const Oid& commit) {
  bool all = true;
  auto walked = WalkTrees(objects, commit, [&](const std::vector<Oid>& blobs) {
    all = objects.Missing(blobs).empty();
    return all;
  });
  if (!walked) return std::move(walked).error();
  return all;
}

Result<std::vector<Oid>> MissingBlobs(const ObjectStore& objects, const Oid& commit) {
  std::vector<Oid> missing;
  auto walked = WalkTrees(objects, commit, [&](const std::vector<Oid>& blobs) {
    const std::vector<Oid> of_tree = objects.Missing(blobs);
    missing.insert(missing.end(), of_tree.begin(), of_tree.end());
    return true;
  });
  if (!walked) return std::move(walked).error();
  return missing;
}

}  // namespace reposfs
