#include "cache/inventory.h"

#include <algorithm>
#include <set>
#include <utility>

namespace reposfs {

bool Inventory::IsAllOf(const Oid& commit) const {
  return stage < Stage::kComplete && roots.size() == 1 && roots.front().commit == commit;
}

bool Inventory::HasContent() const {
  return std::all_of(roots.begin(), roots.end(),
                     [](const RootRecord& root) { return root.stage == Stage::kContent; });
}

std::vector<Oid> Inventory::Kept() const {
  std::vector<Oid> kept;
  for (const RootRecord& root : roots) kept.push_back(root.commit);
  kept.insert(kept.end(), ref_targets.begin(), ref_targets.end());
  return kept;
}

Result<std::optional<Inventory>> InventoryOf(const Repository& repository, const Catalog& catalog,
                                             std::int64_t job) {
  const auto others = catalog.IsChangedByOthers(repository.id(), job);
  if (!others) return others.error();
  if (*others) return std::optional<Inventory>();
  const auto record = catalog.Repository(repository.id());
  if (!record) return record.error();
  auto roots = catalog.RootsOf(repository.id());
  if (!roots) return std::move(roots).error();
  Inventory inventory;
  inventory.stage = record->stage;
  inventory.roots = std::move(*roots);
  for (const StoredFile& file : repository.directory().PackFiles()) {
    inventory.packs.push_back(file.name);
  }
  if (record->stage == Stage::kComplete) {
    const auto refs = repository.directory().Refs();
    if (!refs) return refs.error();
    inventory.ref_targets = RefTargets(*refs);
  }
  return std::optional<Inventory>(std::move(inventory));
}

std::vector<Oid> RefTargets(const RefSnapshot& refs) {
  std::set<Oid> targets;
  for (const Ref& ref : refs.refs()) targets.insert(ref.object);
  if (!refs.head().IsNull()) targets.insert(refs.head());
  return {targets.begin(), targets.end()};
}

}  // namespace reposfs
