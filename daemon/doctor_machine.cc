// Checks of the machine, declared in daemon/doctor_checks.h.
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include "base/unique_fd.h"
#include "daemon/doctor_checks.h"
#include "daemon/doctor_tools.h"
#include "daemon/mount_table.h"

namespace reposfs {
namespace {

std::string ErrnoText(int errno_value) {
  return std::generic_category().message(errno_value);
}

}  // namespace

VersionNumber ParseVersion(const std::string& text) {
  VersionNumber version;
  const auto digit = text.find_first_of("0123456789");
  if (digit == std::string::npos) return version;
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data() + digit, end, version.major);
  if (major.ptr != end && *major.ptr == '.') std::from_chars(major.ptr + 1, end, version.minor);
  return version;
}

CheckResult CheckFuseDevice() {
  const UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (device) return {"fuse", CheckLevel::kOk, "/dev/fuse can be opened", ""};
  const int why = errno;
  const std::string advice =
      why == ENOENT || why == ENODEV
          ? "load the kernel module with `modprobe fuse`; in a container add --device /dev/fuse"
          : "in a container add --device /dev/fuse --cap-add SYS_ADMIN";
  return {"fuse", CheckLevel::kFail, "/dev/fuse: " + ErrnoText(why), advice};
}

CheckResult CheckFusermount() {
  const auto program = FindProgram("fusermount3");
  if (program) return {"fusermount3", CheckLevel::kOk, *program, ""};
  const bool root = ::geteuid() == 0;
  return {"fusermount3", root ? CheckLevel::kWarn : CheckLevel::kFail, "not found",
          root ? "only others than root need it; the package fuse3 has it"
               : "install the package fuse3"};
}

CheckResult CheckKernel() {
  utsname name{};
  ::uname(&name);
  const VersionNumber version = ParseVersion(name.release);
  const std::string found = std::string("Linux ") + name.release;
  if (version < VersionNumber{5, 4}) {
    return {"kernel", CheckLevel::kFail, found, "use Linux 5.4 or newer"};
  }
  if (version < VersionNumber{6, 9}) {
    return {"kernel", CheckLevel::kOk, found + " (6.9 adds recovery of requests in flight)", ""};
  }
  return {"kernel", CheckLevel::kOk, found, ""};
}

CheckResult CheckGit() {
  if (!FindProgram("git")) {
    return {"git", CheckLevel::kFail, "not found", "install the package git"};
  }
  const CommandOutcome git = RunQuietly({"git", "--version"}, std::chrono::seconds(10));
  if (!git.ok) return {"git", CheckLevel::kFail, git.last_error, "repair the package git"};
  // `fetch --refetch` brings what a filter left out; older ones clone again for it.
  if (ParseVersion(git.output) < VersionNumber{2, 36}) {
    return {"git", CheckLevel::kFail, git.output, "install git 2.36 or newer"};
  }
  return {"git", CheckLevel::kOk, git.output, ""};
}

CheckResult CheckFileLimit() {
  constexpr rlim_t kEnough = 4096;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::string found =
      std::to_string(limit.rlim_cur) + " open files, at most " + std::to_string(limit.rlim_max);
  if (limit.rlim_max >= kEnough) return {"open files", CheckLevel::kOk, found, ""};
  return {"open files", CheckLevel::kWarn, found,
          "raise the limit with LimitNOFILE= in the unit or `ulimit -n 65536`"};
}

CheckResult CheckIoUring() {
  io_uring_params parameters{};
  const UniqueFd ring(static_cast<int>(::syscall(SYS_io_uring_setup, 2, &parameters)));
  if (ring) return {"io_uring", CheckLevel::kOk, "allowed", ""};
  return {"io_uring", CheckLevel::kWarn, "refused: " + ErrnoText(errno),
          "threads are used instead, cold reads are slower; see kernel.io_uring_disabled and the "
          "seccomp profile"};
}

std::vector<CheckResult> CheckStaleMounts() {
  const auto mounts = ReadMountTable();
  if (!mounts) return {{"mounts", CheckLevel::kWarn, mounts.error().message, "is /proc mounted?"}};
  std::vector<CheckResult> results;
  for (const auto& mountpoint : ReposfsMountpoints(mounts.value())) {
    // The root of a mount whose daemon lives is answered without waiting for any host.
    const bool stale = ::access(mountpoint.c_str(), F_OK) != 0 && errno == ENOTCONN;
    if (!stale) {
      results.push_back({"mount", CheckLevel::kOk, mountpoint.string(), ""});
      continue;
    }
    results.push_back({"mount", CheckLevel::kFail, mountpoint.string() + " has lost its daemon",
                       "run: reposfs unmount --lazy " + mountpoint.string()});
  }
  if (results.empty()) results.push_back({"mount", CheckLevel::kOk, "nothing is mounted", ""});
  return results;
}

}  // namespace reposfs
