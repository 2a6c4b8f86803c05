#include "daemon/process_setup.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "base/file_util.h"
#include "base/unique_fd.h"

namespace reposfs {
namespace {

constexpr std::size_t kLogFileMaxBytes = 10u << 20;
constexpr std::size_t kLogFileCount = 3;
constexpr rlim_t kOpenFileCountWanted = 1u << 20;
// What may stay free at the end of an arena of the heap.
constexpr int kHeapEndMaxBytes = 4 << 20;
// What is larger is not on the heap.  Were it less, each large blob would cost its page faults
// anew.
constexpr int kOnHeapMaxBytes = 32 << 20;

void SetUpLogging(const Config& config, LogTarget target) {
  std::shared_ptr<spdlog::logger> logger;
  if (target == LogTarget::kStandardError) {
    logger = spdlog::stderr_color_mt("reposfs");
  } else {
    logger =
        spdlog::rotating_logger_mt("reposfs", (config.cache.directory / "reposfs.log").string(),
                                   kLogFileMaxBytes, kLogFileCount);
  }
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  logger->set_level(spdlog::level::from_str(config.log.level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

// Packs that the mount shows stay open while the kernel knows them.
void RaiseOpenFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  rlimit wanted{std::max(limit.rlim_cur, std::min(limit.rlim_max, kOpenFileCountWanted)),
                limit.rlim_max};
  if (geteuid() == 0) wanted = {kOpenFileCountWanted, kOpenFileCountWanted};
  if (setrlimit(RLIMIT_NOFILE, &wanted) == 0) return;
  wanted = {limit.rlim_max, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &wanted);
}

// Whoever started us may have closed the standard descriptors; what is opened next must not become
// one of them.
void FillStandardDescriptors() {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  while (null && null.get() <= STDERR_FILENO) {
    null.release();
    null.reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
  }
}

// The session's own handlers take them on the main thread; no other thread may.
void BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void BoundKeptMemory() {
  // Many threads inflate blobs; an arena for each would keep what all of them once needed.
  mallopt(M_ARENA_MAX, 2);
  // malloc_trim() leaves the end of every arena but the first as it is, and glibc itself keeps up
  // to 64 MB there once something large was freed, unless both are fixed.
  mallopt(M_MMAP_THRESHOLD, kOnHeapMaxBytes);
  mallopt(M_TRIM_THRESHOLD, kHeapEndMaxBytes);
}

}  // namespace

Status PrepareProcess(const Config& config, LogTarget target) {
  // What credentials have fetched is nobody else's to read, but through the mount.
  umask(077);
  FillStandardDescriptors();
  BlockSignals();
  BoundKeptMemory();
  RaiseOpenFileLimit();
  if (auto made = MakeDirectories(config.cache.directory); !made) return made;
  if (::chmod(config.cache.directory.c_str(), 0700) != 0) {
    return ErrnoError(errno, "protect " + config.cache.directory.string());
  }
  SetUpLogging(config, target);
  return {};
}

}  // namespace reposfs
