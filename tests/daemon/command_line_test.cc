// The whole command line in this process, with a daemon that only pretends to mount.
#include "daemon/command_line.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"
#include "daemon/mount_command.h"
#include "daemon/service_notify.h"
#include "daemon/worker_command.h"
#include "tests/daemon/unix_answerer.h"

namespace reposfs {

// What the last worker was to run.
std::vector<JobKind> worker_kinds;

int RunWorker(const Config& config, ReadinessReporter& reporter) {
  static_cast<void>(reporter);
  worker_kinds = config.jobs.kinds;
  return 0;
}

// Does what the name of the mountpoint says.
int RunMount(const Config& config, const MountArguments& arguments, ReadinessReporter& reporter) {
  const std::string name = arguments.mountpoint.filename();
  if (name == "fail") {
    reporter.Failed(Error{Errc::kIo, "no mount with cache " + config.cache.directory.string()});
    return 1;
  }
  if (name == "crash") std::_Exit(7);
  reporter.Ready();
  return 0;
}

namespace {

class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() {
    std::string name = testing::TempDir() + "reposfs-line-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    std::ofstream(directory_ / "c.yaml") << "cache: {directory: " << directory_ << "}\n";
  }
  ~CommandLineTest() override { std::filesystem::remove_all(directory_); }

  // Runs one command line; its texts are in output_ and errors_ then.
  int Run(std::vector<std::string> arguments, const std::string& program = "reposfs") {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int status = RunCommandLine(program, arguments);
    output_ = testing::internal::GetCapturedStdout();
    errors_ = testing::internal::GetCapturedStderr();
    return status;
  }

  std::string config_file() const { return directory_ / "c.yaml"; }

  std::filesystem::path directory_;
  std::string output_;
  std::string errors_;
};

TEST_F(CommandLineTest, WrongUsageEndsWithTwoAndOneLineThatHelps) {
  EXPECT_EQ(Run({"staus"}), 2);
  EXPECT_EQ(errors_, "reposfs: there is no command \"staus\"; did you mean \"status\"?\n");
  EXPECT_EQ(Run({}), 2);
  EXPECT_EQ(errors_, "reposfs: no command was given; `reposfs --help` lists them\n");
  EXPECT_EQ(Run({"show"}), 2);
  EXPECT_EQ(Run({"list", "--zebra"}), 2);
  EXPECT_EQ(Run({"warm", "a/b/c", "--stage", "half"}), 2);
  EXPECT_EQ(Run({"mount", "-o", "rw", "/x"}), 2);
  EXPECT_EQ(Run({"config"}), 2);
}

TEST_F(CommandLineTest, AWorkerRunsTheKindsItIsGiven) {
  EXPECT_EQ(Run({"--config", config_file(), "worker", "--job=history,maintain"}), 0) << errors_;
  EXPECT_EQ(worker_kinds, (std::vector{JobKind::kHistory, JobKind::kMaintain}));
  EXPECT_EQ(Run({"worker"}), 2);
  EXPECT_EQ(Run({"worker", "--job=histroy"}), 2);
  EXPECT_NE(errors_.find("history"), std::string::npos) << errors_;
}

TEST_F(CommandLineTest, ConfigAndJsonMayStandBeforeAndAfterTheCommand) {
  EXPECT_EQ(Run({"--config", config_file(), "--json", "config", "check"}), 0) << errors_;
  const std::string before = output_;
  EXPECT_EQ(Run({"config", "check", "--json", "--config", config_file()}), 0) << errors_;
  EXPECT_EQ(output_, before);
  EXPECT_NE(output_.find("\"valid\": true"), std::string::npos);
}

TEST_F(CommandLineTest, ABadConfigurationEndsWithOneAndItsLine) {
  std::ofstream(directory_ / "bad.yaml") << "\ncahce: {}\n";
  EXPECT_EQ(Run({"status", "--config", directory_ / "bad.yaml"}), 1);
  EXPECT_EQ(errors_, "reposfs: " + (directory_ / "bad.yaml").string() +
                         ":2: unknown key \"cahce\"; did you mean \"cache\"?\n");
}

TEST_F(CommandLineTest, ConfigCheckReadsWhatIsPinned) {
  const std::string pins = directory_ / "pins";
  std::ofstream(pins) << "github.com/git/git\nhttps://unknown.example/a/b\n";
  std::ofstream(directory_ / "pins.yaml") << "cache: { neverEvictFile: " << pins << " }\n";
  EXPECT_EQ(Run({"config", "check", "--config", directory_ / "pins.yaml"}), 1);
  EXPECT_TRUE(errors_.starts_with("reposfs: " + pins + ":2: https://unknown.example/a/b"))
      << errors_;
}

TEST_F(CommandLineTest, CommandsAskTheDaemonOfTheirCache) {
  const UnixAnswerer daemon(directory_ / "control.sock", "200 OK", R"([{"key": "h/o/n"}])");
  EXPECT_EQ(Run({"list", "--config", config_file()}), 0) << errors_;
  EXPECT_NE(output_.find("h/o/n"), std::string::npos);
  EXPECT_EQ(Run({"pin", "--cache", directory_, "github.com/a/b"}), 0) << errors_;
  EXPECT_EQ(output_, "pinned github.com/a/b\n");
  EXPECT_TRUE(daemon.requests().back().starts_with("POST /v1/repos/github.com/a/b/pin "));
}

TEST_F(CommandLineTest, WithoutADaemonTheyEndWithOne) {
  EXPECT_EQ(Run({"warm", "a/b/c", "d/e/f", "--cache", directory_}), 1);
  EXPECT_EQ(errors_, "reposfs: no reposfs is mounted with cache " + directory_.string() +
                         "; start one with: reposfs mount MOUNTPOINT\n")
      << "once, not for each repository";
}

TEST_F(CommandLineTest, MountReportsReadinessAndFailureFromTheBackground) {
  EXPECT_EQ(Run({"mount", "--cache", directory_, directory_ / "ready"}), 0) << errors_;
  EXPECT_EQ(Run({"mount", "--cache", directory_, directory_ / "fail"}), 1);
  EXPECT_EQ(errors_, "reposfs: no mount with cache " + directory_.string() + "\n");
  EXPECT_EQ(Run({"mount", "--cache", directory_, directory_ / "crash"}), 1);
  EXPECT_NE(errors_.find("ended with status 7 before it was ready"), std::string::npos) << errors_;
}

TEST_F(CommandLineTest, MountReportsFailureFromTheForeground) {
  EXPECT_EQ(Run({"mount", "-f", "--cache", directory_, directory_ / "fail"}), 1);
  EXPECT_EQ(errors_, "reposfs: no mount with cache " + directory_.string() + "\n");
}

TEST_F(CommandLineTest, ServesMount8AsItsHelper) {
  const std::string options = "rw,noatime,cache=" + directory_.string();
  EXPECT_EQ(Run({config_file(), directory_ / "fail", "-o", options}, "/sbin/mount.reposfs"), 1);
  EXPECT_EQ(errors_, "reposfs: no mount with cache " + directory_.string() + "\n");
  EXPECT_EQ(Run({"reposfs", directory_ / "ready", "-o", options}), 0) << "as mount.fuse3 calls it";
  EXPECT_EQ(Run({"reposfs"}, "mount.reposfs"), 2);
}

TEST_F(CommandLineTest, UnmountRefusesWhatIsNoMount) {
  EXPECT_EQ(Run({"unmount", directory_, "--config", config_file()}), 1);
  EXPECT_NE(errors_.find("is no mount of reposfs"), std::string::npos) << errors_;
}

TEST_F(CommandLineTest, AServiceManagerIsToldWhenTheMountIsReady) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = directory_ / "notify";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);

  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  EXPECT_EQ(Run({"mount", "-f", "--cache", directory_, directory_ / "ready"}), 0);
  ::unsetenv("NOTIFY_SOCKET");
  char text[64] = {};
  ASSERT_GT(::recv(socket.get(), text, sizeof text - 1, MSG_DONTWAIT), 0);
  EXPECT_STREQ(text, "READY=1");
}

}  // namespace
}  // namespace reposfs
