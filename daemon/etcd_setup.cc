#include "daemon/etcd_setup.h"

#include "daemon/secret_file.h"

namespace reposfs {

Result<EtcdOptions> MakeEtcdOptions(const RingEtcdOptions& ring) {
  EtcdOptions options;
  options.endpoints = ring.endpoints;
  options.username = ring.username;
  options.tls = ring.tls;
  if (ring.password_file.empty()) return options;
  auto password = ReadSecret(ring.password_file);
  if (!password) return std::move(password).error().Within("ring.etcd.passwordFile");
  options.password = std::move(*password);
  return options;
}

}  // namespace reposfs
