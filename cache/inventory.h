// What a repository holds at one moment, as the catalog and the disk tell.
//
// What this process believes of a repository may be a second old, and packs may go only if all that
// they hold is here otherwise.  So whoever replaces packs asks here, while nobody else can change
// the directory.
//
// Thread-safety: the functions may be called from any thread; InventoryOf() blocks on the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/catalog.h"
#include "cache/oid.h"
#include "cache/refs.h"
#include "cache/repository.h"

namespace reposfs {

struct Inventory {
  Stage stage = Stage::kAbsent;
  std::vector<RootRecord> roots;   // In the order of their commits.
  std::vector<Oid> ref_targets;    // Of a complete repository.
  std::vector<std::string> packs;  // The names of their files.

  // Whether what `commit` holds is all that is here.
  bool IsAllOf(const Oid& commit) const;
  // Whether every root has all its files.
  bool HasContent() const;
  // What leads to everything that is to stay.
  std::vector<Oid> Kept() const;
};

// Nothing while a job other than `job`, here or in another process, is changing the repository:
// nobody can tell then what its packs are for.  REQUIRES: within repository.ChangeDirectory().
// Errors: those of Catalog and StoreDirectory::Refs().
Result<std::optional<Inventory>> InventoryOf(const Repository& repository, const Catalog& catalog,
                                             std::int64_t job);

// What a complete repository has: everything below its refs.
std::vector<Oid> RefTargets(const RefSnapshot& refs);

}  // namespace reposfs
