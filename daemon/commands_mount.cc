#include "daemon/commands_mount.h"

#include <poll.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>

#include "base/process.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "daemon/background.h"
#include "daemon/control_client.h"
#include "daemon/json_fields.h"
#include "daemon/mount_command.h"
#include "daemon/mount_table.h"

namespace reposfs {
namespace {

namespace fs = std::filesystem;

constexpr int kDaemonEndTimeoutMs = 30'000;

fs::path AbsolutePath(const std::string& text) {
  std::error_code error;
  const fs::path here = fs::current_path(error);
  return NormalPath(text, error ? fs::path("/") : here);
}

Error BusyError(const fs::path& mountpoint) {
  const std::string name = mountpoint.string();
  return Error{Errc::kIo, name + " is in use; `fuser -m " + name +
                              "` shows by whom, and `reposfs unmount --lazy " + name +
                              "` does not wait for them"};
}

Status UnmountAsRoot(const fs::path& mountpoint, UnmountMode mode) {
  const int flags = UMOUNT_NOFOLLOW | (mode == UnmountMode::kLazy ? MNT_DETACH : 0);
  if (::umount2(mountpoint.c_str(), flags) == 0) return {};
  if (errno == EBUSY) return BusyError(mountpoint);
  return ErrnoError(errno, "unmount " + mountpoint.string());
}

// Others than root may unmount what they have mounted, with the help of a setuid program.
Status UnmountAsUser(const fs::path& mountpoint, UnmountMode mode) {
  const char* path = std::getenv("PATH");
  ProcessOptions options;
  options.argv = {"fusermount3", "-u"};
  if (mode == UnmountMode::kLazy) options.argv.push_back("-z");
  options.argv.insert(options.argv.end(), {"--", mountpoint.string()});
  // In the language of the programmer: the text goes into a message of ours.
  options.environment = {"LC_ALL=C", std::string("PATH=") + (path == nullptr ? "/usr/bin" : path)};
  options.timeout = std::chrono::seconds(30);
  const auto result = RunProcess(options);
  if (!result) return result.error().Within("unmount " + mountpoint.string());
  if (result->ok()) return {};
  std::string why = result->errors;
  while (why.ends_with('\n')) why.pop_back();
  return Error{Errc::kIo, why + "; if it is in use, `fuser -m " + mountpoint.string() +
                              "` shows by whom, and --lazy does not wait for them"};
}

// The daemon that serves `mountpoint`, if the configured cache is its cache.
UniqueFd DaemonOf(const CommandContext& context, const fs::path& mountpoint) {
  const auto status =
      ControlClient(context.config.cache.directory, std::chrono::seconds(5)).Get("/v1/status");
  if (!status || TextField(*status, "mountpoint") != mountpoint) return UniqueFd();
  const auto pid = static_cast<pid_t>(NumberField(*status, "pid"));
  if (pid <= 0) return UniqueFd();
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

// A descriptor of a process becomes readable when it ends.
bool WaitForEnd(const UniqueFd& process) {
  pollfd waited{process.get(), POLLIN, 0};
  while (true) {
    const int ready = ::poll(&waited, 1, kDaemonEndTimeoutMs);
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

Status CheckIsMounted(const fs::path& mountpoint) {
  const auto mounts = ReadMountTable();
  if (!mounts) return mounts.error();
  const auto mountpoints = ReposfsMountpoints(mounts.value());
  if (std::find(mountpoints.begin(), mountpoints.end(), mountpoint) != mountpoints.end()) return {};
  std::string others;
  for (const auto& other : mountpoints) others += " " + other.string();
  return Error{Errc::kNotFound, mountpoint.string() + " is no mount of reposfs" +
                                    (others.empty() ? "; there is none" : "; these are:" + others)};
}

}  // namespace

int RunMountCommand(CommandContext context, const std::string& mountpoint,
                    const ParsedMountOptions& options, Detach detach) {
  MountArguments arguments;
  arguments.mountpoint = AbsolutePath(mountpoint);
  arguments.foreground = detach == Detach::kForeground;
  arguments.options = options.kernel_options;
  MountOptions& mount = context.config.mount;
  if (options.allow_other) mount.allow_other = true;
  if (options.uid) mount.uid = options.uid;
  if (options.gid) mount.gid = options.gid;

  const auto serve = [&context, &arguments](ReadinessReporter& reporter) {
    return RunMount(context.config, arguments, reporter);
  };
  return arguments.foreground ? ServeInForeground(serve) : ServeInBackground(serve);
}

int RunUnmount(const CommandContext& context, const std::string& mountpoint, UnmountMode mode) {
  const fs::path path = AbsolutePath(mountpoint);
  if (auto status = CheckIsMounted(path); !status) return Fail(status.error());
  const UniqueFd daemon = DaemonOf(context, path);
  const auto status = ::geteuid() == 0 ? UnmountAsRoot(path, mode) : UnmountAsUser(path, mode);
  if (!status) return Fail(status.error());
  // A lazy unmount ends when its last user does, which can be never.
  if (mode == UnmountMode::kLazy || !daemon || WaitForEnd(daemon)) return kExitDone;
  return Fail(Error{Errc::kTimedOut, path.string() +
                                         " is unmounted, but its daemon has not ended within 30 s; "
                                         "its log may say what it waits for"});
}

}  // namespace reposfs
