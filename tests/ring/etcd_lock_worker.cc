// ENDPOINT[,ENDPOINT...] PREFIX LEASE_S, and then the arguments of tests/support/lock_worker.cc.
#include <cstdlib>

#include "base/text.h"
#include "ring/etcd_locks.h"
#include "tests/support/lock_worker.h"

int main(int argc, char** argv) {
  if (argc < 8) return 2;
  reposfs::EtcdLockOptions options;
  for (const std::string_view endpoint : reposfs::Split(argv[1], ',')) {
    options.etcd.endpoints.emplace_back(endpoint);
  }
  options.prefix = argv[2];
  options.lease = std::chrono::seconds(std::atoi(argv[3]));
  return reposfs::testing::RunLockWorker(reposfs::OpenEtcdLocks(options), {argv + 4, argv + argc});
}
