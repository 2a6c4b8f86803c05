// What the HTTP interface tells about the ring: its members, and who owns a repository.
//
// Thread-safety: once added, the resources may be asked from any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cache/repository_cache.h"
#include "daemon/router.h"
#include "ring/ring_plan.h"
#include "ring/ring_view.h"

namespace reposfs {

// Where the view that is shown comes from; empty without a ring.
using CurrentRing = std::function<std::shared_ptr<const RingView>()>;
// What this node does for it; may be empty.
using CurrentRingWork = std::function<RingWork()>;

// Adds GET /v1/ring and GET /v1/ring/owners/{host}/{owner}/{name}.  `cache` must outlive every
// request that `router` handles.
void AddRingResources(Router& router, const RepositoryCache& cache, const CurrentRing& ring,
                      const CurrentRingWork& work);

nlohmann::ordered_json RingJson(const RingView& view, const RingWork& work);
nlohmann::ordered_json OwnersJson(const RingView& view, const std::string& key);

}  // namespace reposfs
