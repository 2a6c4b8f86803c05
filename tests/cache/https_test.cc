// Servers behind TLS and proxies, as the user's git configuration says; over either client.

#include <algorithm>

#include "tests/cache/transport_test.h"
#include "tests/support/certificates.h"
#include "tests/support/forward_proxy.h"
#include "tests/support/tls_front.h"

namespace reposfs {
namespace {

using testing::FrontRequest;

class HttpsTest : public TransportTest {
 protected:
  HttpsTest() {
    testing::FillSmall(server_.Create("a/small"));
    limits_ = WithTestedClient(limits_);
    Restart();
  }

  std::string Behind() const { return "http://127.0.0.1:" + std::to_string(server_.port()); }

  testing::TlsFrontOptions ForUs() {
    return {.behind = Behind(), .certificate = authority_.IssueForServer()};
  }

  // `more` are further lines of the section.
  void Trust(const std::string& more = "") {
    SetGitConfig("[http]\n\tsslCAInfo = " + authority_.file().string() + "\n" + more);
  }

  // Brings the tip as a first access does.
  Status Access(const Source& source) {
    auto refs = transport_->ListRefs(source, {});
    if (!refs) return std::move(refs).error();
    Local local(directory_ / ("access" + std::to_string(++access_count_)));
    return local.Fetch(*transport_, Tip(source, refs->refs.head()));
  }
  Source Small(const testing::TlsFront& front) const { return SourceOf(front.Url("a/small.git")); }

  static bool AllSpeak(const std::vector<FrontRequest>& requests, std::string_view protocol) {
    return std::all_of(requests.begin(), requests.end(), [&](const FrontRequest& request) {
      return request.protocol == protocol && request.status == "200";
    });
  }

  testing::CertificateAuthority authority_;
  int access_count_ = 0;
};

TEST_F(HttpsTest, ATrustedServerIsReadOverHttp2) {
  const testing::TlsFront front(ForUs());
  Trust();
  const Status accessed = Access(Small(front));
  ASSERT_TRUE(accessed) << accessed.error().message;
  const auto requests = front.WaitForRequests(2);
  EXPECT_TRUE(AllSpeak(requests, "HTTP/2.0")) << requests[0].protocol << requests[0].status;
}

TEST_F(HttpsTest, OneThatDoesNotKnowHttp2IsReadOverHttp1) {
  testing::TlsFrontOptions options = ForUs();
  options.http2 = false;
  const testing::TlsFront front(options);
  Trust();
  const Status accessed = Access(Small(front));
  ASSERT_TRUE(accessed) << accessed.error().message;
  EXPECT_TRUE(AllSpeak(front.WaitForRequests(2), "HTTP/1.1"));
}

TEST_F(HttpsTest, TheUserMayForbidHttp2) {
  const testing::TlsFront front(ForUs());
  Trust("\tversion = HTTP/1.1\n");
  ASSERT_TRUE(Access(Small(front)));
  EXPECT_TRUE(AllSpeak(front.WaitForRequests(2), "HTTP/1.1"));
}

TEST_F(HttpsTest, AnUntrustedServerIsRefusedWithAdvice) {
  const testing::TlsFront front(ForUs());
  EXPECT_EQ(ListFailure(Small(front)), Errc::kUnreachable) << message_;
  EXPECT_TRUE(message_.starts_with(Small(front).url + ": ")) << message_;
  EXPECT_NE(message_.find("certificate"), std::string::npos) << message_;
  EXPECT_NE(message_.find("http.sslCAInfo"), std::string::npos) << "what to do: " << message_;
  EXPECT_TRUE(front.Requests().empty()) << "it was told something";
}

TEST_F(HttpsTest, AServerOfAnotherNameIsRefused) {
  testing::TlsFrontOptions options = ForUs();
  options.certificate = authority_.IssueForOtherServer();
  const testing::TlsFront front(options);
  Trust();
  EXPECT_EQ(ListFailure(Small(front)), Errc::kUnreachable) << message_;
  EXPECT_NE(message_.find("certificate"), std::string::npos) << message_;
  EXPECT_TRUE(front.Requests().empty()) << "it was told something";
}

TEST_F(HttpsTest, TheUserMayTrustEverybody) {
  const testing::TlsFront front(ForUs());
  SetGitConfig("[http \"" + front.Url("") + "\"]\n\tsslVerify = false\n");
  EXPECT_TRUE(Access(Small(front)));
  const testing::TlsFront other(ForUs());
  EXPECT_EQ(ListFailure(Small(other)), Errc::kUnreachable) << "only that one: " << message_;
}

TEST_F(HttpsTest, AuthoritiesMayBeADirectory) {
  const testing::TlsFront front(ForUs());
  std::filesystem::create_directories(directory_ / "trusted");
  std::filesystem::copy(authority_.file(), directory_ / "trusted" / "ca.pem");
  testing::Output({"openssl", "rehash", (directory_ / "trusted").string()});
  SetGitConfig("[http]\n\tsslCAPath = " + (directory_ / "trusted").string() + "\n");
  const Status accessed = Access(Small(front));
  EXPECT_TRUE(accessed) << accessed.error().message;
}

TEST_F(HttpsTest, AFileOfAuthoritiesThatIsNotThereIsToldOf) {
  const testing::TlsFront front(ForUs());
  SetGitConfig("[http]\n\tsslCAInfo = /no/such/ca.pem\n");
  EXPECT_EQ(ListFailure(Small(front)), Errc::kUnreachable) << message_;
  EXPECT_NE(message_.find("http.sslCAInfo"), std::string::npos) << "what to do: " << message_;
  EXPECT_TRUE(front.Requests().empty()) << "it was told something";
}

// --- Certificates of clients ---

class ClientCertificateTest : public HttpsTest {
 protected:
  ClientCertificateTest() {
    testing::TlsFrontOptions options = ForUs();
    options.client_authority = authority_.file();
    front_.emplace(options);
  }
  void Use(const testing::Certificate& certificate) {
    Trust("\tsslCert = " + certificate.certificate.string() +
          "\n\tsslKey = " + certificate.key.string() + "\n");
  }

  std::optional<testing::TlsFront> front_;
};

TEST_F(ClientCertificateTest, OpensTheServer) {
  Use(authority_.IssueForClient());
  const Status accessed = Access(Small(*front_));
  ASSERT_TRUE(accessed) << accessed.error().message;
  for (const FrontRequest& request : front_->WaitForRequests(2)) {
    EXPECT_EQ(request.client, "CN=client");
  }
}

TEST_F(ClientCertificateTest, WithoutOneTheServerIsClosed) {
  Trust();
  EXPECT_EQ(ListFailure(Small(*front_)), Errc::kUnreachable) << message_;
  EXPECT_NE(message_.find("400"), std::string::npos) << message_;
  EXPECT_TRUE(server_.Requests().empty());
}

TEST_F(ClientCertificateTest, ThatCanNotBeReadIsAccessDeniedAndNobodyIsAsked) {
  Use(authority_.IssueForClient("pass phrase"));
  EXPECT_EQ(ListFailure(Small(*front_)), Errc::kAccessDenied) << message_;
  EXPECT_NE(message_.find("http.sslKey"), std::string::npos) << "what to do: " << message_;
  Use({"/no/such/client.pem", "/no/such/client.key"});
  EXPECT_EQ(ListFailure(Small(*front_)), Errc::kAccessDenied) << message_;
}

// --- Proxies ---

class ProxyTest : public HttpsTest {
 protected:
  void UseProxy(const std::string& proxy) { Trust("\tproxy = http://" + proxy + "\n"); }
};

TEST_F(ProxyTest, ATunnelLeadsToATlsServer) {
  const testing::TlsFront front(ForUs());
  const testing::ForwardProxy proxy(front.port());
  UseProxy(proxy.address());
  const Status accessed = Access(Small(front));
  ASSERT_TRUE(accessed) << accessed.error().message;
  const std::string tunnel = "CONNECT 127.0.0.1:" + std::to_string(front.port()) + " ";
  EXPECT_NE(proxy.Log().find(tunnel), std::string::npos) << proxy.Log();
  EXPECT_TRUE(AllSpeak(front.WaitForRequests(2), "HTTP/2.0"));
}

TEST_F(ProxyTest, ATunnelMayWantAPassword) {
  const testing::TlsFront front(ForUs());
  const testing::ForwardProxy proxy(front.port(), "grace:hopper");
  UseProxy("grace:hopper@" + proxy.address());
  const Status accessed = Access(Small(front));
  ASSERT_TRUE(accessed) << accessed.error().message;
  for (const FrontRequest& request : front.WaitForRequests(2)) {
    EXPECT_EQ(request.credentials, "-") << "the proxy's password is not the server's";
  }
}

TEST_F(ProxyTest, AnOpenServerIsReadThroughAProxyThatWantsAPassword) {
  const testing::ForwardProxy proxy(1, "grace:hopper");
  SetGitConfig("[http]\n\tproxyAuthMethod = basic\n\tproxy = http://grace:hopper@" +
               proxy.address() + "\n");
  const Status accessed = Access(Upstream("a/small"));
  EXPECT_TRUE(accessed) << accessed.error().message;
  EXPECT_NE(proxy.Log().find("POST http://127.0.0.1"), std::string::npos) << proxy.Log();
}

TEST_F(ProxyTest, AWrongPasswordIsAccessDeniedAndNotShown) {
  const testing::TlsFront front(ForUs());
  const testing::ForwardProxy proxy(front.port(), "grace:hopper");
  for (const char* account : {"grace:wrong-word@", ""}) {
    UseProxy(account + proxy.address());
    EXPECT_EQ(ListFailure(Small(front)), Errc::kAccessDenied) << message_;
    EXPECT_EQ(message_.find("wrong-word"), std::string::npos) << message_;
  }
  EXPECT_TRUE(front.Requests().empty());
}

TEST_F(ProxyTest, ATunnelThatIsRefusedIsUnreachable) {
  const testing::TlsFront front(ForUs());
  const testing::ForwardProxy proxy(1);
  UseProxy(proxy.address());
  EXPECT_EQ(ListFailure(Small(front)), Errc::kUnreachable) << message_;
  EXPECT_NE(message_.find("403"), std::string::npos) << message_;
}

TEST_F(ProxyTest, TheEnvironmentMayNameOne) {
  const testing::TlsFront front(ForUs());
  const testing::ForwardProxy proxy(front.port());
  Trust();
  ::setenv("https_proxy", ("http://" + proxy.address()).c_str(), 1);
  const Status through = Access(Small(front));
  EXPECT_TRUE(through) << through.error().message;
  const std::string log = proxy.Log();
  EXPECT_NE(log.find("CONNECT 127.0.0.1:"), std::string::npos) << log;
  Restart();
  ::setenv("no_proxy", "127.0.0.1", 1);
  EXPECT_TRUE(Access(Small(front)));
  EXPECT_EQ(proxy.Log(), log) << "not for this host";
  ::unsetenv("https_proxy");
  ::unsetenv("no_proxy");
}

}  // namespace
}  // namespace reposfs
