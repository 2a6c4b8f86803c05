// Checks of a configuration on this machine, declared in daemon/doctor_checks.h.
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <system_error>

#include "base/file_util.h"
#include "base/text.h"
#include "daemon/control_client.h"
#include "daemon/doctor_checks.h"
#include "daemon/doctor_tools.h"
#include "daemon/human_text.h"
#include "daemon/json_fields.h"
#include "daemon/value_parsing.h"

namespace reposfs {
namespace {

namespace fs = std::filesystem;

// `path`, or what of it exists: the cache directory is made by the first mount.
fs::path NearestExisting(fs::path path) {
  std::error_code error;
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

// Locks, memory maps and renames of these are not to be trusted with a database.
std::string NetworkFileSystem(const fs::path& path) {
  struct statfs info {};
  if (::statfs(path.c_str(), &info) != 0) return "";
  switch (static_cast<unsigned long>(info.f_type)) {
    case 0x6969:
      return "NFS";
    case 0xff534d42:
    case 0xfe534d42:
      return "SMB";
    case 0x65735546:
      return "FUSE";
    default:
      return "";
  }
}

std::string SchemeOf(const std::string& url) {
  return url.substr(0, url.find("://"));
}

// git's program for http and https; git, ssh and file need none of its helpers.
bool HasHttpHelper() {
  const CommandOutcome directory = RunQuietly({"git", "--exec-path"}, std::chrono::seconds(10));
  const std::string helper = directory.output + "/git-remote-https";
  return directory.ok && ::access(helper.c_str(), X_OK) == 0;
}

CheckResult CheckScheme(const std::string& scheme) {
  const std::string name = scheme + " URLs";
  if (scheme == "ssh" && !FindProgram("ssh")) {
    return {name, CheckLevel::kFail, "ssh is not found", "install the package openssh-client"};
  }
  const bool http = scheme == "http" || scheme == "https";
  if (http && !HasHttpHelper()) {
    return {name, CheckLevel::kFail, "git has no git-remote-https", "install all of git"};
  }
  return {name, CheckLevel::kOk, "git can fetch them", ""};
}

std::string Replaced(std::string text, const std::string& what, const std::string& by) {
  const auto found = text.find(what);
  return found == std::string::npos ? text : text.replace(found, what.size(), by);
}

}  // namespace

CheckResult CheckAllowOther(const Config& config) {
  const std::string name = "allow_other";
  if (!config.mount.allow_other) return {name, CheckLevel::kOk, "not wanted", ""};
  if (::geteuid() == 0) return {name, CheckLevel::kOk, "root may", ""};
  const auto text = ReadFile("/etc/fuse.conf");
  if (text) {
    for (const std::string_view line : Split(text.value(), '\n')) {
      if (Trim(line) == "user_allow_other") return {name, CheckLevel::kOk, "allowed", ""};
    }
  }
  return {name, CheckLevel::kFail, "others than root may not",
          "add the line user_allow_other to /etc/fuse.conf, or set mount.allowOther: false"};
}

CheckResult CheckCacheDirectory(const Config& config) {
  const fs::path existing = NearestExisting(config.cache.directory);
  const std::string shown = config.cache.directory.string();
  if (::access(existing.c_str(), W_OK | X_OK) != 0) {
    return {"cache", CheckLevel::kFail, shown + ": " + std::generic_category().message(errno),
            "run as the user who mounts, or set cache.directory"};
  }
  const std::string network = NetworkFileSystem(existing);
  if (!network.empty()) {
    return {"cache", CheckLevel::kWarn, shown + " is on " + network,
            "put cache.directory on a local disk"};
  }
  return {"cache", CheckLevel::kOk, shown + " is writable", ""};
}

CheckResult CheckCacheSpace(const Config& config) {
  const auto space = SpaceOf(NearestExisting(config.cache.directory));
  if (!space) {
    return {"space", CheckLevel::kFail, space.error().message, "set cache.directory"};
  }
  const Quota& quota = config.cache.quota;
  const std::uint64_t wanted =
      quota.percent ? space->total_bytes / 100 * static_cast<std::uint64_t>(*quota.percent)
                    : quota.bytes;
  const std::string found = "quota " + HumanBytes(wanted) + ", free " +
                            HumanBytes(space->available_bytes) + " of " +
                            HumanBytes(space->total_bytes);
  if (wanted > space->total_bytes) {
    return {"space", CheckLevel::kFail, found, "set cache.quota to less than the disk, as in 80%"};
  }
  // What the cache holds already counts as free for it, so this is a hint and no failure.
  if (wanted > space->available_bytes) {
    return {"space", CheckLevel::kWarn, found,
            "the disk may be full before the quota is; lower cache.quota unless the cache "
            "itself has taken the space"};
  }
  return {"space", CheckLevel::kOk, found, ""};
}

CheckResult CheckDaemon(const Config& config) {
  const auto status =
      ControlClient(config.cache.directory, std::chrono::seconds(5)).Get("/v1/status");
  if (status) {
    return {"daemon", CheckLevel::kOk,
            "pid " + std::to_string(NumberField(*status, "pid")) + " serves " +
                TextField(*status, "mountpoint"),
            ""};
  }
  // Nothing is wrong with a machine on which nothing is mounted.
  const bool absent = status.error().code == Errc::kUnreachable;
  return {"daemon", absent ? CheckLevel::kWarn : CheckLevel::kFail, status.error().message,
          absent ? "" : "look at its log"};
}

std::vector<CheckResult> CheckUrlSchemes(const Config& config) {
  std::set<std::string> schemes;
  for (const auto& [name, host] : config.hosts) schemes.insert(SchemeOf(host.url));
  std::vector<CheckResult> results;
  for (const std::string& scheme : schemes) results.push_back(CheckScheme(scheme));
  return results;
}

std::vector<CheckResult> CheckNetwork(const Config& config) {
  constexpr auto kTimeout = std::chrono::seconds(15);
  std::vector<CheckResult> results;
  for (const auto& [name, host] : config.hosts) {
    const std::string url =
        Replaced(Replaced(host.url, "{owner}", "reposfs"), "{name}", "doctor-probe");
    const CommandOutcome git = RunQuietly({"git", "ls-remote", "--", url, "HEAD"}, kTimeout);
    // A host that answers "no" is there.  git tells that apart from silence only in words.
    const bool silent = git.last_error.find("unable to access") != std::string::npos ||
                        git.last_error.find("timed out") != std::string::npos ||
                        git.last_error.find("resolve") != std::string::npos;
    if (git.ok || !silent) {
      results.push_back({name, CheckLevel::kOk, "answers", ""});
    } else {
      results.push_back({name, CheckLevel::kWarn, git.last_error,
                         "check the network, a proxy, and hosts." + name + ".url"});
    }
  }
  return results;
}

}  // namespace reposfs
