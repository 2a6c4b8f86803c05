// Upstreams of every kind, and repositories that are not what one expects.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "tests/support/mount_test.h"
#include "tests/support/tcp_server.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;

class UpstreamsTest : public MountTest {
 protected:
  void ExpectEqual(const std::string& key, const fs::path& repository) {
    AddWorktree(repository, scratch_ / "expected", "main");
    const Comparison comparison = CompareTrees(scratch_ / "expected", daemon_ / key);
    EXPECT_TRUE(comparison.equal()) << comparison;
    EXPECT_TRUE(daemon_.Warm(key));
    EXPECT_EQ(Git(daemon_ / key, {"rev-list", "--count", "HEAD"}),
              Git(repository, {"rev-list", "--count", "main"}));
    EXPECT_EQ(Git(daemon_ / key, {"status", "--porcelain"}), "");
  }

  bool AnswersOn(std::uint16_t port) {
    return WaitUntil(
        [&] {
          return Execute({"/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$0", std::to_string(port)})
              .ok();
        },
        std::chrono::seconds(20));
  }
};

TEST_F(UpstreamsTest, AFileUrl) {
  FillSmall(server_.Create("a/small"));
  daemon_.AddHost("local", "file://" + server_.root().string() + "/{owner}/{name}.git");
  Mount();
  ExpectEqual("local/a/small", server_.Path("a/small"));
  EXPECT_EQ(ErrnoOfStat(daemon_ / "local/a/none"), ENOENT);
}

TEST_F(UpstreamsTest, AGitDaemon) {
  FillSmall(server_.Create("a/small"));
  const std::uint16_t port = FreePort();
  ChildProcess git = ChildProcess::Start(
      {"git", "daemon", "--export-all", "--base-path=" + server_.root().string(),
       "--listen=127.0.0.1", "--port=" + std::to_string(port), server_.root().string()},
      scratch_ / "git-daemon.log");
  ASSERT_TRUE(AnswersOn(port));
  daemon_.AddHost("native", "git://127.0.0.1:" + std::to_string(port) + "/{owner}/{name}.git");
  Mount();
  ExpectEqual("native/a/small", server_.Path("a/small"));
  EXPECT_EQ(ErrnoOfStat(daemon_ / "native/a/none"), ENOENT);
}

// A server that passes on what the client says in GIT_PROTOCOL, and one that does not.
class SecureShellTest : public UpstreamsTest, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(AcceptEnv, SecureShellTest, ::testing::Values("GIT_PROTOCOL", "NOTHING"));

TEST_P(SecureShellTest, IsAnUpstream) {
  FillSmall(server_.Create("a/small"));
  const std::string port = std::to_string(FreePort());
  const std::string here = scratch_.path().string();
  for (const char* key : {"host", "user"}) {
    Output({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", here + "/" + key});
  }
  fs::create_directories("/run/sshd");
  WriteFile(scratch_ / "sshd_config",
            "Port " + port + "\nListenAddress 127.0.0.1\nHostKey " + here +
                "/host\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n" +
                "PasswordAuthentication no\nAuthorizedKeysFile " + here + "/user.pub\nAcceptEnv " +
                GetParam() + "\n");
  // Stands for the user's ~/.ssh/config, which ssh looks for in the password database only.
  WriteFile(scratch_ / "ssh_config",
            "UserKnownHostsFile " + here + "/known_hosts\nStrictHostKeyChecking accept-new\n");
  fs::create_directories(scratch_ / "bin");
  WriteFile(scratch_ / "bin/ssh",
            "#!/bin/sh\nexec /usr/bin/ssh -F " + here + "/ssh_config \"$@\"\n");
  fs::permissions(scratch_ / "bin/ssh", fs::perms::owner_all);
  ChildProcess sshd = ChildProcess::Start(
      {"/usr/sbin/sshd", "-D", "-e", "-f", here + "/sshd_config"}, scratch_ / "sshd.log");
  ASSERT_TRUE(AnswersOn(static_cast<std::uint16_t>(std::stoi(port))))
      << ReadFile(scratch_ / "sshd.log");
  const std::string user = Output({"id", "-un"});
  daemon_.AddHost(
      "secure",
      "ssh://" + user + "@127.0.0.1:" + port + server_.root().string() + "/{owner}/{name}.git",
      ", sshKeyFile: " + here + "/user");
  daemon_.SetEnvironment("PATH=" + here + "/bin:" + std::getenv("PATH"));
  Mount();
  ExpectEqual("secure/a/small", server_.Path("a/small"));
  EXPECT_EQ(ErrnoOfStat(daemon_ / "secure/a/none"), ENOENT);
}

TEST_F(UpstreamsTest, AServerWithoutFilters) {
  FillSmall(server_.Create("a/small"));
  Git(server_.Path("a/small"), {"config", "uploadpack.allowFilter", "false"});
  Git(server_.Path("a/small"), {"config", "uploadpack.allowAnySHA1InWant", "false"});
  Mount();
  ExpectEqual(Key("a/small"), server_.Path("a/small"));
}

TEST_F(UpstreamsTest, AServerWithFiltersThatRefusesSingleObjects) {
  FillSmall(server_.Create("a/small"));
  Git(server_.Path("a/small"), {"config", "uploadpack.allowAnySHA1InWant", "false"});
  Mount();
  ExpectEqual(Key("a/small"), server_.Path("a/small"));
}

TEST_F(UpstreamsTest, AServerOfProtocolVersion0) {
  FillSmall(server_.Create("a/small"));
  server_.SetOld("a/small");
  Mount();
  ExpectEqual(Key("a/small"), server_.Path("a/small"));
}

TEST_F(UpstreamsTest, AServerOfPlainFilesCanOnlyBeClonedWhole) {
  // The dumb HTTP protocol: no shallow fetch, no filter.
  const fs::path repository = server_.Create("a/small");
  FillSmall(repository);
  Git(repository, {"update-server-info"});
  daemon_.AddHost("static", server_.StaticUrlTemplate());
  Mount();
  ExpectEqual("static/a/small", repository);
}

TEST_F(UpstreamsTest, AnEmptyRepositoryIsAnEmptyDirectory) {
  server_.Create("a/empty");
  daemon_.Set("freshness.maxAge", "300ms");
  Mount();
  EXPECT_EQ(ErrnoOfList(Path("a/empty")), 0);
  std::vector<std::string> names = List(Path("a/empty"));
  std::erase_if(names, [](const std::string& name) {
    return name == ".git" || name.starts_with(".insights");
  });
  EXPECT_TRUE(names.empty());
  FillWith(server_.Path("a/empty"), "no longer\n");
  EXPECT_TRUE(WaitUntil([&] { return ReadFile(Path("a/empty") / "file") == "no longer\n"; },
                        std::chrono::seconds(15)));
}

TEST_F(UpstreamsTest, ASha256RepositoryIsRefusedClearly) {
  const fs::path repository = server_.Path("a/sha256");
  fs::create_directories(repository.parent_path());
  Output({"git", "init", "-q", "--bare", "--object-format=sha256", "--initial-branch=main",
          repository.string()});
  FillWith(repository, "text\n");
  Mount();
  EXPECT_EQ(ErrnoOfList(Path("a/sha256")), EOPNOTSUPP);
  EXPECT_NE(daemon_.Log().find("SHA-256"), std::string::npos);
}

TEST_F(UpstreamsTest, ARepositoryWithADetachedHead) {
  const fs::path repository = server_.Create("a/detached");
  FillSmall(repository);
  const std::string commit = Git(repository, {"rev-parse", "v1.1"});
  WriteFile(repository / "HEAD", commit + "\n");
  Mount();
  EXPECT_EQ(ReadFile(Path("a/detached") / "README.md"), "two\n");
}

TEST_F(UpstreamsTest, ARedirectIsNotFollowedToAnotherHost) {
  FillSmall(server_.Create("a/small"));
  TcpServer redirecting(
      Respond("HTTP/1.1 301 Moved Permanently\r\nLocation: " + server_.Url("a/small") +
              "/info/refs?service=git-upload-pack\r\nContent-Length: 0\r\n"
              "Connection: close\r\n\r\n"));
  daemon_.AddHost("moved", redirecting.UrlTemplate());
  Mount();
  EXPECT_NE(ErrnoOfList(daemon_ / "moved/a/small"), 0);
  EXPECT_TRUE(server_.Requests("a/small").empty());
}

}  // namespace
}  // namespace reposfs::testing
