// Our own client and servers that mean it no good.

#include <sys/socket.h>

#include <string_view>
#include <utility>

#include "tests/cache/transport_test.h"

namespace reposfs {
namespace {

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-";

// Answers the first request with capabilities and every other one with `answer`, perhaps for ever.
class HostileServer {
 public:
  explicit HostileServer(std::string answer, std::string repeated = "")
      : answer_(std::move(answer)),
        repeated_(std::move(repeated)),
        server_([this](int fd) { Serve(fd); }) {}
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + "/o/n.git";
  }

 private:
  static bool Send(int fd, const std::string& text) {
    return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  void Serve(int fd) {
    char buffer[65536];
    const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
    if (size <= 0) return;
    if (std::string_view(buffer, static_cast<std::size_t>(size)).starts_with("GET")) {
      const std::string body = "000eversion 2\n000cls-refs\n0019fetch=shallow filter\n0000";
      Send(fd, kOk + ("advertisement\r\nContent-Length: " + std::to_string(body.size())) +
                   "\r\nConnection: close\r\n\r\n" + body);
      return;
    }
    if (!Send(fd, std::string(kOk) + "result\r\nConnection: close\r\n\r\n" + answer_)) return;
    while (!repeated_.empty() && Send(fd, repeated_)) {
    }
  }

  const std::string answer_;
  const std::string repeated_;
  testing::TcpServer server_;
};

class HostileServerTest : public TransportTest {
 protected:
  Errc FetchFailure(const HostileServer& server) {
    Local local(directory_ / ("hostile" + std::to_string(++fetch_count_)));
    const auto fetched =
        local.Fetch(*transport_, Tip(SourceOf(server.url()), *Oid::FromHex(std::string(40, '1'))));
    EXPECT_FALSE(fetched);
    EXPECT_EQ(local.left_behind, "");
    message_ = fetched ? "" : fetched.error().message;
    return fetched ? Errc::kIo : fetched.error().code;
  }

  int fetch_count_ = 0;
};

TEST_F(HostileServerTest, ARefListWithoutEndIsCutOff) {
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "0039" + std::string(40, 'a') + " refs/pull/x\n";
  HostileServer endless("", lines);
  EXPECT_EQ(ListFailure(SourceOf(endless.url())), Errc::kNoSpace) << message_;
}

TEST_F(HostileServerTest, GarbageIsCorrupt) {
  HostileServer garbage("<html>");
  EXPECT_EQ(ListFailure(SourceOf(garbage.url())), Errc::kCorrupt) << message_;
  HostileServer no_pack("000dpackfile\n0009\1<htm0010\1l and more>0000");
  EXPECT_EQ(FetchFailure(no_pack), Errc::kCorrupt) << message_;
}

TEST_F(HostileServerTest, AnAnswerThatEndsEarlyIsUnreachable) {
  HostileServer empty("");
  EXPECT_EQ(ListFailure(SourceOf(empty.url())), Errc::kUnreachable) << message_;
  HostileServer cut("000dpackfile\n0009\1PACK");
  EXPECT_EQ(FetchFailure(cut), Errc::kUnreachable) << message_;
}

TEST_F(HostileServerTest, ChatterWithoutEndIsCutOff) {
  std::string chatter;
  for (int i = 0; i < 5000; ++i) chatter += "000c\2working";
  HostileServer endless("000dpackfile\n", chatter);
  EXPECT_EQ(FetchFailure(endless), Errc::kNoSpace) << message_;
}

TEST_F(HostileServerTest, APackThatLiesAboutItselfIsCorrupt) {
  const std::string header = std::string("0011\1PACK\0\0\0\2\0\0\0", 16) + '\5';
  HostileServer short_pack("000dpackfile\n" + header + "0000");
  EXPECT_EQ(FetchFailure(short_pack), Errc::kCorrupt) << message_;
  const std::string none = std::string("0011\1PACK\0\0\0\2\0\0\0\0", 17);
  HostileServer long_pack("000dpackfile\n" + none + "0045\1" + std::string(64, 'x') + "0000");
  EXPECT_EQ(FetchFailure(long_pack), Errc::kCorrupt) << message_;
}

TEST_F(HostileServerTest, OnlyAPeerCanSayThatRefsHaveMoved) {
  testing::TcpServer server(testing::Respond(
      "HTTP/1.1 409 Conflict\r\nContent-Length: 6\r\nConnection: close\r\n\r\nmoved\n"));
  Source source = SourceOf("http://127.0.0.1:" + std::to_string(server.port()) + "/o/n.git");
  EXPECT_EQ(ListFailure(source), Errc::kUnreachable);
  source.peer = PeerAccess{};
  EXPECT_EQ(ListFailure(source), Errc::kStale);
  EXPECT_NE(message_.find("moved"), std::string::npos) << message_;
}

}  // namespace
}  // namespace reposfs
