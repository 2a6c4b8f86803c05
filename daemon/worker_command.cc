#include "daemon/worker_command.h"

#include <signal.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <utility>

#include "base/io_engine.h"
#include "cache/make_transport.h"
#include "cache/repository_cache.h"
#include "daemon/lock_setup.h"
#include "daemon/process_setup.h"
#include "daemon/ring_service.h"

namespace reposfs {
namespace {

int WaitForSignal() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  int received = 0;
  while (sigwait(&signals, &received) != 0) {
  }
  return received;
}

}  // namespace

int RunWorker(const Config& config, ReadinessReporter& reporter) {
  const auto fail = [&](const Error& error) {
    reporter.Failed(error);
    return 1;
  };
  if (auto prepared = PrepareProcess(config, LogTarget::kStandardError); !prepared) {
    return fail(prepared.error());
  }
  const SystemClock clock;
  const UpstreamOrigin origin(config.hosts);
  std::unique_ptr<LockService> locks;
  if (AreOfRing(config)) {
    auto opened = OpenLocks(config);
    if (!opened) return fail(opened.error());
    locks = std::move(*opened);
  }
  const auto ring = RingService::Make(config, RingRole::kObserver, locks.get(), clock);
  if (!ring) return fail(ring.error());
  if (*ring) (*ring)->Start();
  const auto engine = IoEngine::Create({.choice = config.io.engine});
  const auto transport = MakeTransport(config.fetch, *engine);
  auto cache = RepositoryCache::Open({config.cache, config.jobs, CacheRole::kWorker,
                                      config.freshness, config.history, config.fetch, config.lru},
                                     *ring ? (*ring)->origin() : origin, *transport, clock);
  if (!cache) return fail(cache.error());
  const std::string kinds = JobKindNames(config.jobs.kinds, ",");
  spdlog::info("works jobs={} cache={} version={}", kinds, config.cache.directory.string(),
               REPOSFS_VERSION);
  reporter.Note("running " + kinds);
  reporter.Ready();
  const int signal = WaitForSignal();
  reporter.Stopping();
  if (locks) locks->Stop();
  (*cache)->Stop();
  if (*ring) (*ring)->Stop();
  spdlog::info("stopped signal={}", strsignal(signal));
  return 0;
}

}  // namespace reposfs
