// POST /bake {"url": "https://host/owner/name"}: a repository is fetched, or brought up to date,
// and its insights are the answer; or 202 and where to ask again, while that takes its time.
//
//   400  no JSON, or no URL of a repository       404  the host says there is none
//   415  not sent as application/json: so that no page in a browser can ask for it
//   422  of a host that is not configured         5xx  the host is slow, or down
//
// Thread-safety: may be called from any thread; blocks for at most a second.
#pragma once

#include <map>
#include <string>

#include "cache/repository_cache.h"
#include "daemon/http_server.h"

namespace reposfs {

HttpResponse HandleBake(RepositoryCache& cache, const std::map<std::string, HostOptions>& hosts,
                        const HttpRequest& request);

}  // namespace reposfs
