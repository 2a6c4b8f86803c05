// Which blobs belong to a commit, and which of them are here.
//
// Thread-safety: the functions may be called from any thread; they block on the disk.
#pragma once

#include <vector>

#include "base/result.h"
#include "cache/object_store.h"
#include "cache/oid.h"

namespace reposfs {

// The commit that `id`, a commit or an annotated tag, stands for.  Errors: those of ObjectStore;
// kNotFound if it is neither.
Result<Oid> PeelToCommit(const ObjectStore& objects, Oid id);

// The blobs of `commit` that are not in `objects`.  Each tree is read once, however often it is
// named.  Errors: those of ObjectStore.
Result<std::vector<Oid>> MissingBlobs(const ObjectStore& objects, const Oid& commit);

// Whether all blobs of `commit` are in `objects`.  Where they are not, that is found out soon.
// Errors: those of ObjectStore.
Result<bool> HasAllBlobs(const ObjectStore& objects, const Oid& commit);

}  // namespace reposfs
