// How etcd is asked, by the configuration.
#pragma once

#include "base/result.h"
#include "ring/etcd_client.h"
#include "ring/options.h"

namespace reposfs {

// Reads the password.  Errors: those of ReadSecret(), within "ring.etcd.passwordFile".
Result<EtcdOptions> MakeEtcdOptions(const RingEtcdOptions& ring);

}  // namespace reposfs
