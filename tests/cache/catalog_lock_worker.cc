// CATALOG LEASE_MS, and then the arguments of tests/support/lock_worker.cc.
#include <cstdio>
#include <cstdlib>

#include "cache/catalog_locks.h"
#include "tests/support/lock_worker.h"

int main(int argc, char** argv) {
  if (argc < 7) return 2;
  auto locks = reposfs::OpenCatalogLocks(argv[1], std::chrono::milliseconds(std::atoi(argv[2])));
  if (!locks) {
    std::fprintf(stderr, "%s\n", locks.error().message.c_str());
    return 1;
  }
  return reposfs::testing::RunLockWorker(std::move(*locks), {argv + 3, argv + argc});
}
