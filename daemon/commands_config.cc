#include "daemon/commands_config.h"

#include "base/clock.h"
#include "base/text.h"
#include "cache/origin.h"
#include "cache/pin_list.h"
#include "daemon/doctor_checks.h"

namespace reposfs {

int RunConfigCheck(const CommandContext& context) {
  PinList pins(context.config.cache, UpstreamOrigin(context.config.hosts));
  pins.Reread(SystemClock().Now());
  if (const auto problems = pins.problems(); !problems.empty()) {
    return Fail(problems[0].error.Within(problems[0].place));
  }
  const bool built_in = context.config.file.empty();
  if (context.format == OutputFormat::kJson) {
    PrintJson({{"valid", true}, {"file", built_in ? "" : context.config.file.string()}});
  } else if (built_in) {
    WriteOut("no configuration file; the built-in configuration is used\n");
  } else {
    WriteOut(Printable(context.config.file.string()) + " is right\n");
  }
  return kExitDone;
}

int RunConfigShow(const CommandContext& context) {
  if (context.format == OutputFormat::kJson) {
    PrintJson(ConfigToJson(context.config));
  } else {
    WriteOut(ConfigToYaml(context.config));
  }
  return kExitDone;
}

int RunDoctor(const Result<Config>& config, OutputFormat format, NetworkUse network) {
  std::vector<CheckResult> results = {CheckFuseDevice(), CheckFusermount(), CheckKernel(),
                                      CheckGit(),        CheckFileLimit(),  CheckIoUring()};
  const auto add = [&results](const std::vector<CheckResult>& more) {
    results.insert(results.end(), more.begin(), more.end());
  };
  add(CheckStaleMounts());
  if (config) {
    const std::string file = config->file.empty() ? "built-in" : config->file.string();
    add({{"configuration", CheckLevel::kOk, file, ""},
         CheckAllowOther(*config),
         CheckCacheDirectory(*config),
         CheckCacheSpace(*config),
         CheckDaemon(*config)});
    add(CheckUrlSchemes(*config));
    if (network == NetworkUse::kAllowed) add(CheckNetwork(*config));
  } else {
    add({{"configuration", CheckLevel::kFail, config.error().message, "correct it"}});
  }
  if (format == OutputFormat::kJson) {
    PrintJson(ChecksToJson(results));
  } else {
    WriteOut(RenderChecks(results, Terminal::OfStandardOutput()));
  }
  return AnyFailed(results) ? kExitFailed : kExitDone;
}

}  // namespace reposfs
