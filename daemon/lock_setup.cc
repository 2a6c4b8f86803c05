#include "daemon/lock_setup.h"

#include "base/file_util.h"
#include "cache/catalog_locks.h"
#include "ring/etcd_locks.h"

namespace reposfs {
namespace {

constexpr std::size_t kPasswordMaxBytes = 4'096;

// The first line of `file`; empty without one.
Result<std::string> ReadPassword(const std::filesystem::path& file) {
  if (file.empty()) return std::string();
  auto text = ReadFile(file, kPasswordMaxBytes);
  if (!text) return std::move(text).error().Within("ring.etcd.passwordFile");
  text->erase(std::min(text->find_first_of("\r\n"), text->size()));
  return text;
}

Result<std::unique_ptr<LockService>> OpenEtcd(const RingEtcdOptions& ring) {
  auto password = ReadPassword(ring.password_file);
  if (!password) return std::move(password).error();
  EtcdLockOptions options;
  options.etcd.endpoints = ring.endpoints;
  options.etcd.username = ring.username;
  options.etcd.password = std::move(*password);
  options.etcd.tls = ring.tls;
  options.prefix = ring.prefix;
  options.lease = std::chrono::ceil<std::chrono::seconds>(ring.lease_ttl);
  return OpenEtcdLocks(options);
}

}  // namespace

Result<std::unique_ptr<LockService>> OpenLocks(const Config& config) {
  const bool cluster = config.ring.enabled && config.ring.discovery == RingDiscovery::kEtcd;
  if (cluster) return OpenEtcd(config.ring.etcd);
  return OpenCatalogLocks(config.cache.directory / "catalog.db");
}

}  // namespace reposfs
