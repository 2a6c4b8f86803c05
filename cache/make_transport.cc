#include "cache/make_transport.h"

#include <utility>

#include "cache/git_transport.h"
#include "cache/index_pack_sink.h"
#include "cache/wire_transport.h"

namespace reposfs {

std::unique_ptr<Transport> MakeTransport(const FetchOptions& options) {
  auto git = std::make_unique<GitTransport>(options);
  if (options.client == FetchClient::kGit) return git;
  return std::make_unique<WireTransport>(
      options, std::move(git),
      [options](const PackSinkRequest& request) { return IndexPackSink::Open(request, options); });
}

}  // namespace reposfs
