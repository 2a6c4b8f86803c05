#include "cache/repository_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/file_util.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;

constexpr off_t kUse = 0;
constexpr off_t kContent = 1;

constexpr milliseconds kEvictionMax(2'000);
constexpr milliseconds kAdoptionMax(30'000);
constexpr milliseconds kPollEvery(1);

// Locks of the open file, not of the process: each RepositoryLock is a holder of its own.
bool TryLock(int fd, short type, off_t byte) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

// Where there is no directory of locks, there is no other process.
bool MeansAlone(const Error& not_opened) {
  return not_opened.code == Errc::kNotFound;
}

template <typename Try>
bool TryFor(milliseconds time, Try attempt) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (!attempt()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kPollEvery);
  }
  return true;
}

}  // namespace

Status RepositoryLock::OpenLocked(const std::filesystem::path& file) {
  if (file_) return {};
  auto opened = OpenFile(file, O_RDWR | O_CREAT);
  if (!opened) return std::move(opened).error();
  file_ = std::move(*opened);
  return {};
}

bool RepositoryLock::Share(const std::filesystem::path& file) {
  MutexLock lock(mutex_);
  if (const Status opened = OpenLocked(file); !opened) return MeansAlone(opened.error());
  const milliseconds patience = patient_ ? kEvictionMax : milliseconds(0);
  patient_ = TryFor(patience, [fd = file_.get()] { return TryLock(fd, F_RDLCK, kUse); });
  return patient_;
}

bool RepositoryLock::TryOwn(const std::filesystem::path& file) {
  MutexLock lock(mutex_);
  if (const Status opened = OpenLocked(file); !opened) return MeansAlone(opened.error());
  return TryLock(file_.get(), F_WRLCK, kUse);
}

void RepositoryLock::Release() {
  MutexLock lock(mutex_);
  file_.reset();
  patient_ = true;
}

Status RepositoryLock::LockContent(const std::filesystem::path& file) {
  MutexLock lock(mutex_);
  if (auto opened = OpenLocked(file); !opened) {
    return MeansAlone(opened.error()) ? Status() : opened;
  }
  const int fd = file_.get();
  if (TryFor(kAdoptionMax, [fd] { return TryLock(fd, F_WRLCK, kContent); })) return {};
  return Error{Errc::kTimedOut, "another process of reposfs has been changing it for too long"};
}

void RepositoryLock::UnlockContent() {
  MutexLock lock(mutex_);
  if (file_) TryLock(file_.get(), F_UNLCK, kContent);
}

}  // namespace reposfs
