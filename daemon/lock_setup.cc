#include "daemon/lock_setup.h"

#include "cache/catalog_locks.h"
#include "daemon/etcd_setup.h"
#include "ring/etcd_locks.h"

namespace reposfs {
namespace {

Result<std::unique_ptr<LockService>> OpenEtcd(const RingEtcdOptions& ring) {
  auto etcd = MakeEtcdOptions(ring);
  if (!etcd) return std::move(etcd).error();
  EtcdLockOptions options;
  options.etcd = std::move(*etcd);
  options.prefix = ring.prefix;
  options.lease = std::chrono::ceil<std::chrono::seconds>(ring.lease_ttl);
  return OpenEtcdLocks(options);
}

}  // namespace

Result<std::unique_ptr<LockService>> OpenLocks(const Config& config) {
  if (AreOfRing(config)) return OpenEtcd(config.ring.etcd);
  return OpenCatalogLocks(config.cache.directory / "catalog.db");
}

bool AreOfRing(const Config& config) {
  return config.ring.enabled && config.ring.discovery == RingDiscovery::kEtcd;
}

}  // namespace reposfs
