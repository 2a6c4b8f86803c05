#include "cache/make_transport.h"

#include <utility>

#include "cache/git_transport.h"
#include "cache/pack_indexer.h"
#include "cache/wire_transport.h"

namespace reposfs {

std::unique_ptr<Transport> MakeTransport(const FetchOptions& options, IoEngine& engine) {
  auto git = std::make_unique<GitTransport>(options);
  return std::make_unique<WireTransport>(
      options, std::move(git),
      [&engine](const PackSinkRequest& request) { return OpenPackIndexer(request, engine); });
}

}  // namespace reposfs
