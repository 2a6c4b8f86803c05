// Chooses how this program talks to upstreams.
#pragma once

#include <memory>

#include "cache/options.h"
#include "cache/transport.h"

namespace reposfs {

// The Transport that `options.client` asks for.
std::unique_ptr<Transport> MakeTransport(const FetchOptions& options);

}  // namespace reposfs
