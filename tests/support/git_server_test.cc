#include "tests/support/git_server.h"

#include <gtest/gtest.h>

#include "tests/support/files.h"
#include "tests/support/sample_repositories.h"
#include "tests/support/tcp_server.h"

namespace reposfs::testing {
namespace {

class GitServerTest : public ::testing::Test {
 protected:
  GitServerTest() { FillSmall(server_.Create("a/b")); }

  CommandResult Clone(const std::string& url, const Argv& more = {}) {
    Argv argv = {"git", "clone", "-q", "--bare", url, (scratch_ / "clone").string()};
    argv.insert(argv.begin() + 2, more.begin(), more.end());
    return Execute(argv);
  }

  GitServer server_;
  TempDir scratch_{"scratch"};
};

TEST_F(GitServerTest, AnswersAClone) {
  const CommandResult clone = Clone(server_.Url("a/b"));
  ASSERT_TRUE(clone.ok()) << clone;
  EXPECT_EQ(Git(scratch_ / "clone", {"rev-parse", "main"}),
            Git(server_.Path("a/b"), {"rev-parse", "main"}));
}

TEST_F(GitServerTest, SpeaksProtocolVersion2) {
  ASSERT_TRUE(Clone(server_.Url("a/b")).ok());
  const auto requests = server_.Requests("a/b");
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].kind, "info");
  EXPECT_EQ(requests[1].command, "ls-refs");
  EXPECT_EQ(requests[2].command, "fetch");
}

TEST_F(GitServerTest, TellsAPartialShallowFetchFromAFullOne) {
  ASSERT_TRUE(Clone(server_.Url("a/b"), {"--depth=1", "--filter=blob:none"}).ok());
  const auto fetches = server_.Fetches("a/b");
  ASSERT_EQ(fetches.size(), 1u);
  EXPECT_EQ(fetches[0].filter, "blob:none");
  EXPECT_TRUE(fetches[0].deepen);
}

TEST_F(GitServerTest, HeldRequestsWaitUntilReleased) {
  server_.Hold("a/b", "command=fetch");
  RunOptions soon;
  soon.timeout = milliseconds(300);
  EXPECT_EQ(Execute({"git", "clone", "-q", server_.Url("a/b"), (scratch_ / "held").string()}, soon)
                .status,
            -1);
  server_.Release("a/b");
  EXPECT_TRUE(Clone(server_.Url("a/b")).ok());
}

TEST_F(GitServerTest, FailsOnDemand) {
  server_.SetFailure("a/b", "503 Service Unavailable");
  EXPECT_NE(Clone(server_.Url("a/b")).err.find("503"), std::string::npos);
  server_.SetFailure("a/b", "");
  EXPECT_TRUE(Clone(server_.Url("a/b")).ok());
}

TEST_F(GitServerTest, AnOutageRefusesConnectionsAndEnds) {
  server_.Stop();
  EXPECT_FALSE(Clone(server_.Url("a/b")).ok());
  server_.Start();
  EXPECT_TRUE(Clone(server_.Url("a/b")).ok());
}

TEST_F(GitServerTest, PrivatePathsWantAPassword) {
  const std::string port = std::to_string(server_.port());
  EXPECT_FALSE(Clone("http://127.0.0.1:" + port + "/private/a/b.git").ok());
  EXPECT_TRUE(Clone("http://ada:correct-horse@127.0.0.1:" + port + "/private/a/b.git").ok());
}

TEST_F(GitServerTest, AnUnknownRepositoryIsNotFound) {
  EXPECT_NE(Clone(server_.Url("a/none")).err.find("not found"), std::string::npos);
}

TEST(TcpServerTest, AStalledUpstreamSaysNothing) {
  TcpServer server(Stall());
  RunOptions soon;
  soon.timeout = milliseconds(300);
  const std::string url = "http://127.0.0.1:" + std::to_string(server.port()) + "/a/b.git";
  EXPECT_EQ(Execute({"git", "ls-remote", url}, soon).status, -1);
  EXPECT_EQ(server.connections(), 1);
}

TEST(TcpServerTest, EndlessRefsDoNotEnd) {
  TcpServer server(EndlessRefs());
  RunOptions soon;
  soon.timeout = milliseconds(500);
  const std::string url = "http://127.0.0.1:" + std::to_string(server.port()) + "/a/b.git";
  EXPECT_EQ(Execute({"git", "ls-remote", url}, soon).status, -1);
}

}  // namespace
}  // namespace reposfs::testing
