// Who we are to a server comes from where git finds it, and goes to that server only; over either
// client.

#include <cstdlib>
#include <optional>

#include "tests/cache/transport_test.h"
#include "tests/support/certificates.h"
#include "tests/support/tls_front.h"

namespace reposfs {
namespace {

class HttpIdentityTest : public TransportTest {
 protected:
  HttpIdentityTest() {
    testing::FillSmall(server_.Create("a/small"));
    ::setenv("HOME", directory_.path().c_str(), 1);
    limits_ = WithTestedClient(limits_);
    Restart();
  }
  ~HttpIdentityTest() override { ::setenv("HOME", home_.c_str(), 1); }

  void WriteSecret(const std::string& name, const std::string& text) {
    testing::WriteFile(directory_ / name, text);
    std::filesystem::permissions(directory_ / name, std::filesystem::perms::owner_read |
                                                        std::filesystem::perms::owner_write);
  }
  void WriteNetrc(const std::string& machine, const std::string& password) {
    WriteSecret(".netrc", "machine " + machine + " login ada password " + password + "\n");
  }

  // Reads the refs and the tip of the repository that wants a password.
  Status Open(const Source& source) {
    auto refs = transport_->ListRefs(source, {});
    if (!refs) return std::move(refs).error();
    Local local(directory_ / ("open" + std::to_string(++open_count_)));
    return local.Fetch(*transport_, Tip(source, refs->refs.head()));
  }

  const std::string home_ = std::getenv("HOME");
  int open_count_ = 0;
};

TEST_F(HttpIdentityTest, NetrcOpensItsMachine) {
  WriteNetrc("127.0.0.1", "correct-horse");
  const Status opened = Open(Private("a/small"));
  EXPECT_TRUE(opened) << opened.error().message;
}

TEST_F(HttpIdentityTest, NetrcOfAnotherMachineOpensNothing) {
  WriteNetrc("example.org", "correct-horse");
  EXPECT_EQ(ListFailure(Private("a/small")), Errc::kAccessDenied) << message_;
}

TEST_F(HttpIdentityTest, WhatNetrcHasWrongAHelperMayKnow) {
  WriteNetrc("127.0.0.1", "wrong-horse");
  EXPECT_EQ(ListFailure(Private("a/small")), Errc::kAccessDenied) << message_;
  EXPECT_EQ(message_.find("horse"), std::string::npos) << message_;
  SetGitConfig("[credential]\n\thelper = \"!echo username=ada; echo password=correct-horse;:\"\n");
  Restart();
  const Status opened = Open(Private("a/small"));
  EXPECT_TRUE(opened) << opened.error().message;
}

TEST_F(HttpIdentityTest, AHelperOfTheUserOpensItsServer) {
  SetGitConfig("[credential \"http://127.0.0.1:" + std::to_string(server_.port()) +
               "\"]\n\thelper = \"!echo username=ada; echo password=correct-horse;:\"\n");
  const Status opened = Open(Private("a/small"));
  EXPECT_TRUE(opened) << opened.error().message;
  testing::GitServer other;
  testing::FillSmall(other.Create("a/small"));
  const std::string url =
      "http://127.0.0.1:" + std::to_string(other.port()) + "/private/a/small.git";
  EXPECT_EQ(ListFailure(SourceOf(url)), Errc::kAccessDenied) << message_;
}

TEST_F(HttpIdentityTest, AHeaderOfTheUserOpensItsServer) {
  // "ada:correct-horse"
  SetGitConfig("[http \"http://127.0.0.1:" + std::to_string(server_.port()) +
               "\"]\n\textraHeader = Authorization: Basic YWRhOmNvcnJlY3QtaG9yc2U=\n");
  const Status opened = Open(Private("a/small"));
  EXPECT_TRUE(opened) << opened.error().message;
}

TEST_F(HttpIdentityTest, AFileOfTheConfigurationOpensItsHostOverTls) {
  testing::CertificateAuthority authority;
  const testing::TlsFront front({.behind = "http://127.0.0.1:" + std::to_string(server_.port()),
                                 .certificate = authority.IssueForServer()});
  SetGitConfig("[http]\n\tsslCAInfo = " + authority.file().string() + "\n");
  WriteSecret("credentials",
              "https://ada:correct-horse@127.0.0.1%3a" + std::to_string(front.port()) + "\n");
  Source source = SourceOf(front.Url("private/a/small.git"));
  EXPECT_EQ(ListFailure(source), Errc::kAccessDenied) << message_;
  source.host.credentials_file = directory_ / "credentials";
  const Status opened = Open(source);
  EXPECT_TRUE(opened) << opened.error().message;
}

// A server that knows us sends us to another one, at a place that `credentials` would open, too.
TEST_F(HttpIdentityTest, ARedirectCarriesNothingToAnotherServer) {
  testing::TcpServer other(testing::Respond("HTTP/1.1 403 Forbidden\r\n\r\n"));
  const std::string elsewhere = "http://127.0.0.1:" + std::to_string(other.port()) + "/o/n";
  WriteNetrc("127.0.0.1", "correct-horse");
  SetGitConfig("[http]\n\textraHeader = X-Secret: 1\n");
  const Source source = Private("a/small");
  ASSERT_TRUE(Open(source));
  for (const char* status : {"301 Moved Permanently", "302 Found", "307 Temporary Redirect"}) {
    server_.SetFailure("a/small", std::string(status) + "\r\nLocation: " + elsewhere);
    EXPECT_EQ(ListFailure(source), Errc::kNotFound) << status << message_;
    Restart();
    EXPECT_EQ(ListFailure(source), Errc::kNotFound) << "of an unknown server: " << message_;
  }
  EXPECT_EQ(other.connections(), 0);
}

}  // namespace
}  // namespace reposfs
