// POST /bake {"url": "https://host/owner/name"}: a repository is fetched, or brought up to date,
// and its insights are the answer; or 202 and where to ask again, while that takes its time.
//
//   400  no JSON, or no URL of a repository       404  the host says there is none
//   415  not sent as application/json: so that no page in a browser can ask for it
//   422  of a host that is not configured         5xx  the host is slow, or down
//
// An empty repository has insights, too: no commits.  A failure of the host is believed for as long
// as a lookup would believe it.
//
// Thread-safety: may be called from any thread.
#pragma once

#include <map>
#include <string>

#include "cache/repository_cache.h"
#include "daemon/http_server.h"
#include "daemon/waiting_room.h"

namespace reposfs {

// Answers within a second, and holds no thread until then.
void HandleBake(RepositoryCache& cache, WaitingRoom& waiting,
                const std::map<std::string, HostOptions>& hosts, const HttpRequest& request,
                const HttpServer::Reply& reply);

}  // namespace reposfs
