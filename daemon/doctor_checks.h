// The single checks of `reposfs doctor`.  Each looks at one thing on this machine, changes nothing
// and waits for nothing, but for those of the network.
#pragma once

#include <string>
#include <vector>

#include "daemon/config.h"
#include "daemon/doctor_report.h"

namespace reposfs {

// This machine, whatever the configuration says.
CheckResult CheckFuseDevice();
CheckResult CheckFusermount();
CheckResult CheckKernel();
CheckResult CheckGit();
CheckResult CheckFileLimit();
CheckResult CheckIoUring();
std::vector<CheckResult> CheckStaleMounts();

// This configuration on this machine.
CheckResult CheckAllowOther(const Config& config);
CheckResult CheckCacheDirectory(const Config& config);
CheckResult CheckCacheSpace(const Config& config);
CheckResult CheckDaemon(const Config& config);
// One for each URL scheme in use.
std::vector<CheckResult> CheckUrlSchemes(const Config& config);
// One for each host: asks it for one reference of a repository that need not exist.
std::vector<CheckResult> CheckNetwork(const Config& config);

// The first of the dotted numbers in `text`, as {major, minor}: {2, 39} for "git version 2.39.5".
struct VersionNumber {
  int major = 0;
  int minor = 0;
  auto operator<=>(const VersionNumber&) const = default;
};
VersionNumber ParseVersion(const std::string& text);

}  // namespace reposfs
