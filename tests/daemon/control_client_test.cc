#include "daemon/control_client.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "tests/daemon/unix_answerer.h"

namespace reposfs {
namespace {

class ControlClientTest : public testing::Test {
 protected:
  ControlClientTest() {
    std::string name = testing::TempDir() + "reposfs-control-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~ControlClientTest() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
};

TEST_F(ControlClientTest, AnswersAreJson) {
  const UnixAnswerer daemon(directory_ / "control.sock", "200 OK", R"({"pid": 7})");
  const auto answer = ControlClient(directory_).Get("/v1/status");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ((*answer)["pid"], 7);
  EXPECT_TRUE(daemon.requests().at(0).starts_with("GET /v1/status HTTP/1.1\r\n"));
}

TEST_F(ControlClientTest, PostSendsItsBodyAndAProxyIsNotAsked) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const UnixAnswerer daemon(directory_ / "control.sock", "202 Accepted", "{}");
  const auto answer = ControlClient(directory_).Post("/v1/x", {{"stage", "tip"}});
  ::unsetenv("http_proxy");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(daemon.requests().at(0).starts_with("POST /v1/x HTTP/1.1\r\n"));
  EXPECT_TRUE(daemon.requests().at(0).ends_with(R"({"stage":"tip"})"));
}

TEST_F(ControlClientTest, WithoutADaemonItSaysHowToStartOne) {
  const auto answer = ControlClient(directory_).Get("/v1/status");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kUnreachable);
  EXPECT_EQ(answer.error().message, "no reposfs is mounted with cache " + directory_.string() +
                                        "; start one with: reposfs mount MOUNTPOINT");
}

TEST_F(ControlClientTest, ADeadDaemonsSocketIsNoDaemon) {
  { const UnixAnswerer daemon(directory_ / "control.sock", "200 OK", "{}"); }
  const auto answer = ControlClient(directory_).Get("/v1/status");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kUnreachable);
}

TEST_F(ControlClientTest, TheDaemonsErrorIsTakenOver) {
  const UnixAnswerer daemon(directory_ / "control.sock", "404 Not Found",
                            R"({"error": "no such repository\u001b", "code": "not-found"})");
  const auto answer = ControlClient(directory_).Get("/v1/repos/a/b/c");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kNotFound);
  EXPECT_EQ(answer.error().message, "no such repository\\x1b");
}

TEST_F(ControlClientTest, AnAnswerThatIsNoJsonIsAnError) {
  const UnixAnswerer daemon(directory_ / "control.sock", "200 OK", "<html>");
  const auto answer = ControlClient(directory_).Get("/v1/status");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kIo);
}

TEST_F(ControlClientTest, ACacheDirectoryMayHaveALongName) {
  const auto deep = directory_ / std::string(150, 'd');
  std::filesystem::create_directory(deep);
  // Bound where the name is short, then moved to where it is too long for an address.
  const UnixAnswerer daemon(directory_ / "control.sock", "200 OK", "{}");
  std::filesystem::rename(directory_ / "control.sock", deep / "control.sock");
  const auto answer = ControlClient(deep).Get("/v1/status");
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST(RepoTargetTest, EachPartIsEncoded) {
  EXPECT_EQ(RepoTarget("github.com/git/git", "/warm"), "/v1/repos/github.com/git/git/warm");
  EXPECT_EQ(RepoTarget("h/o w/n?#%"), "/v1/repos/h/o%20w/n%3F%23%25");
}

}  // namespace
}  // namespace reposfs
