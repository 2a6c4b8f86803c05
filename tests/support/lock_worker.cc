// A process of its own that takes locks, for the tests that kill and stop it.
//
//   WORLD... hold NAME MODE LOG       takes one, holds it until SIGTERM or its loss
//   WORLD... blind NAME RESOURCE LOG  takes one, and at SIGTERM writes without asking for it
//   WORLD... loop NAME RESOURCE LOG   takes it again and again, and writes to a resource
//
// What happens is appended to LOG, a line each: a letter, the token, the time of BootClock in
// nanoseconds, and the process.  A: had it at that time.  K: asked at that time whether it is still
// held, and was told yes.  L: was told that it is lost.  R: has given it back.  W, D: the resource
// took, or refused, a write.  E: could not get it.
#include "tests/support/lock_worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/file_util.h"
#include "base/lock_service.h"

namespace reposfs::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::atomic<bool> terminated{false};

class Log {
 public:
  explicit Log(const std::string& path)
      : file_(std::move(OpenFile(path, O_WRONLY | O_CREAT | O_APPEND)).value()) {}

  void Write(char what, std::int64_t token, BootClock::time_point time) {
    const std::string line = std::string(1, what) + " " + std::to_string(token) + " " +
                             std::to_string(time.time_since_epoch().count()) + " " +
                             std::to_string(::getpid()) + "\n";
    // In one piece, whoever else writes or dies.
    if (::write(file_.get(), line.data(), line.size()) < 0) std::abort();
  }
  void Write(char what, std::int64_t token) { Write(what, token, BootClock::now()); }

 private:
  UniqueFd file_;
};

// Refuses who comes with an older token than it has seen.  Its file has the tokens of all writes.
class Resource {
 public:
  explicit Resource(const std::string& path)
      : file_(std::move(OpenFile(path, O_RDWR | O_CREAT)).value()) {}

  bool Write(std::int64_t token) {
    ::flock(file_.get(), LOCK_EX);
    constexpr auto kBytes = static_cast<off_t>(sizeof(token));
    std::int64_t last = 0;
    const off_t end = ::lseek(file_.get(), 0, SEEK_END);
    const bool first = ::pread(file_.get(), &last, sizeof(last), end - kBytes) != kBytes;
    const bool good = first || token >= last;
    if (good && ::pwrite(file_.get(), &token, sizeof(token), end) != kBytes) std::abort();
    ::flock(file_.get(), LOCK_UN);
    return good;
  }

 private:
  UniqueFd file_;
};

bool Ask(Log& log, const Lock& lock) {
  const auto asked = BootClock::now();
  const bool held = lock.still_held();
  log.Write(held ? 'K' : 'L', lock.fencing_token(), asked);
  return held;
}

int Hold(LockService& locks, const std::string& name, const std::string& mode, Log& log) {
  const auto wanted = ParseLockMode(mode);
  auto lock = locks.Acquire({LockScope::kRepository, name}, *wanted,
                            std::chrono::steady_clock::now() + seconds(60));
  if (!lock) {
    std::fprintf(stderr, "%s\n", lock.error().message.c_str());
    log.Write('E', 0);
    return 1;
  }
  log.Write('A', lock->fencing_token());
  while (!terminated && lock->still_held()) ::usleep(1'000);
  Ask(log, *lock);
  const std::int64_t token = lock->fencing_token();
  { const Lock gone = std::move(*lock); }
  log.Write('R', token);
  return 0;
}

void Write(Resource& resource, const Lock& lock, Log& log) {
  log.Write(resource.Write(lock.fencing_token()) ? 'W' : 'D', lock.fencing_token());
}

int WriteBlindly(LockService& locks, const std::string& name, Resource& resource, Log& log) {
  const auto lock = locks.Acquire({LockScope::kRepository, name}, LockMode::kExclusive,
                                  std::chrono::steady_clock::now() + seconds(60));
  if (!lock) return 1;
  Write(resource, *lock, log);
  log.Write('A', lock->fencing_token());
  while (!terminated) ::usleep(1'000);
  Write(resource, *lock, log);
  log.Write('R', lock->fencing_token());
  return 0;
}

// Between two questions it writes without asking, as whoever is stopped after he has asked.
void HoldOnce(const Lock& lock, Resource& resource, Log& log) {
  for (int step = 0; step < 2 && Ask(log, lock); ++step) {
    Write(resource, lock, log);
    ::usleep(300);
    Write(resource, lock, log);
  }
}

int Loop(LockService& locks, const std::string& name, Resource& resource, Log& log) {
  while (!terminated) {
    auto lock = locks.Acquire({LockScope::kRepository, name}, LockMode::kExclusive,
                              std::chrono::steady_clock::now() + seconds(20));
    if (!lock) {
      std::fprintf(stderr, "%s\n", lock.error().message.c_str());
      log.Write('E', 0);
      ::usleep(20'000);
      continue;
    }
    // It had it at that time, for it still has it afterwards.
    const auto acquired = BootClock::now();
    if (lock->still_held()) log.Write('A', lock->fencing_token(), acquired);
    HoldOnce(*lock, resource, log);
  }
  return 0;
}

}  // namespace

int RunLockWorker(std::unique_ptr<LockService> locks, const std::vector<std::string>& arguments) {
  ::signal(SIGTERM, [](int) { terminated = true; });
  ::signal(SIGPIPE, SIG_IGN);
  const std::string& what = arguments.at(0);
  Log log(arguments.at(3));
  if (what == "hold") return Hold(*locks, arguments.at(1), arguments.at(2), log);
  Resource resource(arguments.at(2));
  if (what == "blind") return WriteBlindly(*locks, arguments.at(1), resource, log);
  return Loop(*locks, arguments.at(1), resource, log);
}

}  // namespace reposfs::testing
