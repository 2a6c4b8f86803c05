// Whether a transfer has left nothing out.
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "base/result.h"
#include "cache/object_store.h"
#include "cache/oid.h"
#include "cache/options.h"
#include "cache/staging.h"

namespace reposfs {

// How far back the store is believed to have everything.
enum class StoreIs {
  kWhole,    // What a commit that it has names, and so on.
  kShallow,  // Nothing: the transfer brought what lies behind its commits.
};

// Walks from `wants` through the objects of a staging (cache/staging.h) and of the store that it
// borrows from, as git does after each of its fetches.  An index of a pack says nothing about what
// its objects name.
//
// `keep_going` is called about 20 times a second; a failure ends the walk and becomes the result.
// Thread-safety: may be called from any thread; blocks on a child, for minutes in a long history.
//
// Errors: kCorrupt if an object is missing; those of starting git.
Status CheckConnectivity(const std::filesystem::path& staging, const std::vector<Oid>& wants,
                         StoreIs store, const FetchOptions& limits,
                         const std::function<Status()>& keep_going);

// The same of a transfer of FetchDepth::kCommitOnly into `staging`, which borrows from `store`:
// behind each commit that came with `wants`, its parents are here, or it is called shallow; and
// nothing else is called shallow that was not before.  What has not come at all is not the matter.
//
// `keep_going` is called now and then.  Thread-safety: may be called from any thread; blocks on the
// disk.
//
// Errors: kCorrupt; those of ObjectStore and of `keep_going`.
Status CheckShallow(const Staging& staging, const ObjectStore& store, const std::vector<Oid>& wants,
                    const std::function<Status()>& keep_going);

}  // namespace reposfs
