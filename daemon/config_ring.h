// The settings of the ring and of the HTTP interface through which its nodes meet.
//
// Thread-safety: the tables are constant; the functions in them are pure.
#pragma once

#include <vector>

#include "daemon/config.h"
#include "daemon/config_settings.h"

namespace reposfs {

// `http.*`
const std::vector<Setting<Config>>& HttpSettings();

// `ring.*`, without ring.nodes.
const std::vector<Setting<Config>>& RingSettings();

// The keys of one element of ring.nodes.
const std::vector<Setting<Member>>& MemberSettings();

}  // namespace reposfs
