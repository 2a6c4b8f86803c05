// Chooses how this program talks to upstreams.
#pragma once

#include <memory>

#include "base/io_engine.h"
#include "cache/options.h"
#include "cache/transport.h"

namespace reposfs {

// The Transport that `options.client` asks for.  `engine`, which carries arriving packs to the
// disk, outlives it.
std::unique_ptr<Transport> MakeTransport(const FetchOptions& options, IoEngine& engine);

}  // namespace reposfs
