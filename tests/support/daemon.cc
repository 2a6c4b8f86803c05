#include "tests/support/daemon.h"

#include <signal.h>

#include <cstdlib>
#include <sstream>

#include "tests/support/files.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

constexpr auto kStartTimeout = std::chrono::seconds(30);
constexpr auto kStopTimeout = std::chrono::seconds(30);

}  // namespace

std::string Binary() {
  const char* other = std::getenv("TEST_BINARY");
  return other != nullptr ? other : REPOSFS_BINARY;
}

Daemon::Daemon()
    : mountpoint_(directory_ / "mnt"),
      cache_(directory_ / "cache"),
      config_file_(directory_ / "reposfs.yaml"),
      log_(directory_ / "log") {
  fs::create_directories(mountpoint_);
  // Defaults that leave nothing to chance; a test about one of them sets it.
  Set("cache.quota", "10GiB");
  Set("cache.minResidency", "0s");
  Set("freshness.maxAge", "1h");
  Set("freshness.timeout", "5s");
  Set("freshness.negativeTtl", "60s");
  Set("http.listen", "127.0.0.1:0");
  Set("log.level", "info");
}

Daemon::~Daemon() {
  if (process_.running()) {
    process_.Signal(SIGTERM);
    (void)process_.Wait(kStopTimeout);
  }
  process_.Kill();
  if (mounted()) Unmount();
  if (::testing::Test::HasFailure()) {
    constexpr std::size_t kShownMax = 20'000;
    const std::string log = Log();
    const std::size_t skipped = log.size() > kShownMax ? log.size() - kShownMax : 0;
    std::fprintf(stderr, "--- log of the daemon ---\n%s---\n", log.c_str() + skipped);
  }
}

void Daemon::AddHost(const std::string& name, const std::string& url, const std::string& more) {
  hosts_[name] = "{ url: \"" + url + "\"" + more + " }";
}

void Daemon::SetCache(const fs::path& directory) {
  cache_ = directory;
}

void Daemon::WriteConfiguration() const {
  std::map<std::string, std::string> sections;
  for (const auto& [key, value] : settings_) {
    const std::size_t dot = key.find('.');
    if (dot == std::string::npos) {
      sections[key] = " " + value;
    } else {
      sections[key.substr(0, dot)] += "\n  " + key.substr(dot + 1) + ": " + value;
    }
  }
  sections["cache"] += "\n  directory: " + cache_.string();
  for (const auto& [name, value] : hosts_) sections["hosts"] += "\n  " + name + ": " + value;
  std::ostringstream text;
  for (const auto& [name, body] : sections) text << name << ":" << body << "\n";
  WriteFile(config_file_, text.str());
}

AssertionResult Daemon::Start() {
  WriteConfiguration();
  RunOptions options;
  options.environment = environment_;
  Argv argv = enter_;
  argv.insert(argv.end(), {Binary(), "mount", "--config", config_file_.string(), "--foreground",
                           mountpoint_.string()});
  process_ = ChildProcess::Start(argv, log_, options);
  const bool done = WaitUntil([&] { return mounted() || !process_.running(); }, kStartTimeout);
  if (!done || !process_.running()) {
    return AssertionFailure() << "the daemon did not mount:\n" << Log();
  }
  RunOptions probe;
  probe.timeout = kStartTimeout;
  const CommandResult answer = Execute({"ls", mountpoint_.string()}, probe);
  if (!answer.ok()) return AssertionFailure() << "the mount does not answer: " << answer << Log();
  return AssertionSuccess();
}

AssertionResult Daemon::Terminate() {
  process_.Signal(SIGTERM);
  const auto status = process_.Wait(kStopTimeout);
  if (!status) return AssertionFailure() << "SIGTERM did not end the daemon:\n" << Log();
  if (*status != 0) return AssertionFailure() << "exit status " << *status << "\n" << Log();
  if (mounted()) return AssertionFailure() << "still mounted after a clean end";
  return AssertionSuccess();
}

void Daemon::Kill9() {
  process_.Kill();
  if (mounted()) Unmount();
}

AssertionResult Daemon::Restart() {
  if (process_.running()) {
    AssertionResult ended = Terminate();
    if (!ended) return ended;
  }
  return Start();
}

bool Daemon::mounted() const {
  return ReadFile("/proc/self/mounts").find(" " + mountpoint_.string() + " ") != std::string::npos;
}

void Daemon::Unmount() const {
  if (Execute({"fusermount3", "-u", mountpoint_.string()}).ok()) return;
  (void)Execute({"fusermount3", "-uz", mountpoint_.string()});
}

std::string Daemon::Log() const {
  return ReadFile(log_);
}

std::uint64_t Daemon::MemoryBytes() const {
  std::istringstream status(ReadFile("/proc/" + std::to_string(pid()) + "/status"));
  for (std::string word; status >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == "VmRSS:" && status >> kilobytes) return kilobytes << 10;
  }
  return 0;
}

CommandResult Daemon::Cli(const Argv& args, milliseconds timeout) const {
  Argv argv = {Binary()};
  argv.insert(argv.end(), args.begin(), args.end());
  argv.insert(argv.end(), {"--config", config_file_.string()});
  RunOptions options;
  options.timeout = timeout;
  return Execute(argv, options);
}

nlohmann::json Daemon::CliJson(Argv args) const {
  args.push_back("--json");
  const CommandResult result = Cli(args);
  nlohmann::json json = nlohmann::json::parse(result.out, nullptr, false);
  if (!result.ok() || json.is_discarded()) {
    ADD_FAILURE() << "reposfs " << args.front() << " --json: " << result;
    return nullptr;
  }
  return json;
}

std::string Daemon::Stage(const std::string& key) const {
  const CommandResult result = Cli({"show", key, "--json"});
  const nlohmann::json json = nlohmann::json::parse(result.out, nullptr, false);
  if (!json.is_object() || !json.contains("stage")) return "unknown";
  return json["stage"].get<std::string>();
}

AssertionResult Daemon::Warm(const std::string& key, const std::string& stage,
                             milliseconds timeout) const {
  const CommandResult result = Cli({"warm", key, "--stage", stage, "--wait"}, timeout);
  if (!result.ok()) return AssertionFailure() << "warm " << key << ": " << result;
  const std::string reached = Stage(key);
  if (reached == stage || reached == "complete") return AssertionSuccess();
  return AssertionFailure() << key << " is at stage " << reached << ", not " << stage;
}

AssertionResult Daemon::WaitForStage(const std::string& key, const std::string& stage,
                                     milliseconds timeout) const {
  std::string reached;
  const bool done = WaitUntil(
      [&] {
        reached = Stage(key);
        return reached == stage || reached == "complete";
      },
      timeout);
  if (done) return AssertionSuccess();
  return AssertionFailure() << key << " stays at stage " << reached << ", not " << stage;
}

std::vector<std::string> Daemon::CachedKeys() const {
  std::vector<std::string> keys;
  for (const nlohmann::json& entry : CliJson({"list"})) {
    if (entry.value("stage", "absent") != "absent") keys.push_back(entry.value("key", ""));
  }
  return keys;
}

}  // namespace reposfs::testing
