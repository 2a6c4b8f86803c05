#include "daemon/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "daemon/control_client.h"

namespace reposfs {
namespace {

// More than the server has threads.
constexpr std::size_t kManyClients = 40;

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    std::string name = testing::TempDir() + "reposfs-http-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~HttpServerTest() override { std::filesystem::remove_all(directory_); }

  void Serve(HttpServer::Handler handler) {
    auto server = HttpServer::ListenUnix(directory_ / "control.sock", std::move(handler));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  // Keeps every request for "/later" unanswered; the others are answered at once.
  void ServeLater() {
    Serve([this](const HttpRequest& request, const HttpServer::Reply& reply) {
      if (request.path != "/later") return reply({200, "application/json", R"({"when":"now"})"});
      MutexLock lock(mutex_);
      waiting_.push_back(reply);
      more_.NotifyAll();
    });
  }
  std::vector<HttpServer::Reply> WaitForWaiting(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    MutexLock lock(mutex_);
    while (waiting_.size() < count && std::chrono::steady_clock::now() < end) {
      more_.WaitFor(mutex_, std::chrono::milliseconds(100));
    }
    EXPECT_EQ(waiting_.size(), count);
    return std::move(waiting_);
  }
  std::future<Result<nlohmann::json>> Ask(const std::string& path) {
    return std::async(std::launch::async,
                      [this, path] { return ControlClient(directory_).Get(path); });
  }

  std::filesystem::path directory_;
  Mutex mutex_;
  CondVar more_;
  std::vector<HttpServer::Reply> waiting_ REPOSFS_GUARDED_BY(mutex_);
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, WhoWaitsTakesNoThread) {
  ServeLater();
  std::vector<std::future<Result<nlohmann::json>>> asked;
  for (std::size_t i = 0; i < kManyClients; ++i) asked.push_back(Ask("/later"));
  const auto replies = WaitForWaiting(kManyClients);
  const auto now = Ask("/now").get();
  ASSERT_TRUE(now) << now.error().message;
  EXPECT_EQ((*now)["when"], "now");
  for (std::size_t i = 0; i < replies.size(); ++i) {
    replies[i]({200, "application/json", R"({"when":"later"})"});
  }
  for (auto& answer : asked) {
    const auto later = answer.get();
    ASSERT_TRUE(later) << later.error().message;
    EXPECT_EQ((*later)["when"], "later");
  }
}

TEST_F(HttpServerTest, TheFirstAnswerCounts) {
  Serve([](const HttpRequest&, const HttpServer::Reply& reply) {
    reply({200, "application/json", "1"});
    reply({200, "application/json", "2"});
  });
  EXPECT_EQ(Ask("/").get().value(), 1);
}

TEST_F(HttpServerTest, WhatIsNeverAnsweredFails) {
  Serve([](const HttpRequest&, const HttpServer::Reply&) {});
  const auto answer = Ask("/").get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kIo);
}

TEST_F(HttpServerTest, TheEndAnswersThoseThatWaitAndLateRepliesAreDropped) {
  ServeLater();
  auto asked = Ask("/later");
  const auto replies = WaitForWaiting(1);
  server_.reset();
  const auto answer = asked.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "reposfs is stopping");
  for (const auto& reply : replies) reply({});
}

TEST_F(HttpServerTest, RepliesRaceWithTheEnd) {
  for (int round = 0; round < 20; ++round) {
    ServeLater();
    std::vector<std::future<Result<nlohmann::json>>> asked;
    for (int i = 0; i < 4; ++i) asked.push_back(Ask("/later"));
    const auto replies = WaitForWaiting(4);
    std::thread answering([&] {
      for (const auto& reply : replies) reply({200, "application/json", "{}"});
    });
    server_.reset();
    answering.join();
    for (auto& answer : asked) static_cast<void>(answer.get());
  }
}

TEST_F(HttpServerTest, ATooLargeBodyIsRefused) {
  Serve([](const HttpRequest&, const HttpServer::Reply& reply) { reply({}); });
  const auto answer =
      ControlClient(directory_).Post("/", std::string(HttpServer::kBodyMaxBytes, 'x'));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "the body is too large");
}

// A client that says byte by byte what it wants to.
class RawClient {
 public:
  explicit RawClient(const std::string& address)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{20, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  }

  bool Say(std::string_view text) const {
    return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }
  // Until the server ends the connection, or `text` has been said.
  std::string Hear(std::string_view text = "\n\n\n") const {
    std::string heard;
    char buffer[65536];
    while (heard.find(text) == std::string::npos) {
      const ssize_t size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      if (size <= 0) break;
      heard.append(buffer, static_cast<std::size_t>(size));
    }
    return heard;
  }
  void Leave() { socket_.reset(); }

 private:
  UniqueFd socket_;
};

class HttpStreamTest : public HttpServerTest {
 protected:
  void ServeTcp(HttpServer::Handler handler, HttpServer::Settings settings = {}) {
    auto server = HttpServer::ListenTcp("127.0.0.1:0", std::move(handler), std::move(settings));
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  // Every request is answered out of pipe_.
  void ServePipe() {
    ServeTcp([this](const HttpRequest&, const HttpServer::Reply& reply) {
      HttpResponse response;
      response.stream = pipe_;
      reply(std::move(response));
    });
  }

  std::shared_ptr<BytePipe> pipe_ = std::make_shared<BytePipe>(BytePipe::Limits{});
};

constexpr char kGet[] = "GET /x HTTP/1.0\r\n\r\n";

TEST_F(HttpStreamTest, AnAnswerLeavesAsItIsMade) {
  ServePipe();
  const RawClient client(server_->address());
  ASSERT_TRUE(client.Say(kGet));
  ASSERT_TRUE(pipe_->Put("first"));
  EXPECT_NE(client.Hear("first").find("first"), std::string::npos);
  ASSERT_TRUE(pipe_->Put("second"));
  pipe_->Finish({});
  EXPECT_EQ(client.Hear(), "second");
}

TEST_F(HttpStreamTest, ALargeAnswerIsWhole) {
  ServePipe();
  const RawClient client(server_->address());
  ASSERT_TRUE(client.Say(kGet));
  constexpr std::size_t kPieceCount = 2'000;
  const std::string piece(10'007, 'x');
  std::thread maker([&] {
    for (std::size_t i = 0; i < kPieceCount; ++i) EXPECT_TRUE(pipe_->Put(piece));
    pipe_->Finish({});
  });
  const std::string heard = client.Hear();
  maker.join();
  EXPECT_EQ(heard.size() - heard.find("\r\n\r\n") - 4, kPieceCount * piece.size());
}

TEST_F(HttpStreamTest, AFailureCutsTheAnswer) {
  ServePipe();
  const RawClient client(server_->address());
  ASSERT_TRUE(client.Say("GET /x HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(pipe_->Put("part"));
  pipe_->Finish(Error{Errc::kIo, "broken"});
  const std::string heard = client.Hear();
  EXPECT_NE(heard.find("part"), std::string::npos);
  EXPECT_EQ(heard.find("\r\n0\r\n"), std::string::npos) << "that would be a proper end";
}

TEST_F(HttpStreamTest, WhoMakesItIsToldThatTheClientHasGone) {
  ServePipe();
  RawClient client(server_->address());
  ASSERT_TRUE(client.Say(kGet));
  ASSERT_TRUE(pipe_->Put("first"));
  client.Hear("first");
  client.Leave();
  Status put;
  for (int i = 0; i < 1'000 && put; ++i) put = pipe_->Put(std::string(100'000, 'x'));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Errc::kInterrupted);
}

TEST_F(HttpStreamTest, TheEndOfTheServerEndsStreamsThatWait) {
  ServePipe();
  const RawClient client(server_->address());
  ASSERT_TRUE(client.Say(kGet));
  ASSERT_TRUE(pipe_->Put("first"));
  client.Hear("first");
  server_.reset();
  const Status going = pipe_->KeepGoing();
  ASSERT_FALSE(going);
  EXPECT_EQ(going.error().code, Errc::kInterrupted);
}

TEST_F(HttpStreamTest, AClientThatTricklesIsEnded) {
  HttpServer::Settings settings;
  settings.limits.request_timeout = std::chrono::milliseconds(200);
  ServeTcp([](const HttpRequest&, const HttpServer::Reply& reply) { reply({}); },
           std::move(settings));
  for (const std::string_view begin :
       {"GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n"}) {
    const RawClient client(server_->address());
    ASSERT_TRUE(client.Say(begin));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (client.Say("x") && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_LT(std::chrono::steady_clock::now(), end) << begin;
  }
}

TEST_F(HttpStreamTest, OnlyWhereItIsAllowedABodyMayBeLarge) {
  HttpServer::Settings settings;
  settings.body_max_bytes = [](const HttpRequest& head) {
    return head.path == "/large" ? HttpServer::kBodyMaxBytes * 2 : HttpServer::kBodyMaxBytes;
  };
  std::atomic<std::size_t> body_bytes{0};
  ServeTcp(
      [&](const HttpRequest& request, const HttpServer::Reply& reply) {
        body_bytes = request.body.size();
        reply({});
      },
      std::move(settings));
  const auto post = [&](const std::string& path, std::size_t size) {
    const RawClient client(server_->address());
    client.Say("POST " + path + " HTTP/1.0\r\nContent-Length: " + std::to_string(size) +
               "\r\n\r\n");
    client.Say(std::string(size, 'x'));
    return client.Hear("\r\n").substr(9, 3);
  };
  EXPECT_EQ(post("/large", HttpServer::kBodyMaxBytes * 2), "200");
  EXPECT_EQ(body_bytes, HttpServer::kBodyMaxBytes * 2);
  EXPECT_EQ(post("/small", HttpServer::kBodyMaxBytes + 1), "413");
}

TEST_F(HttpStreamTest, ABodyWithoutEndIsNotReadForEver) {
  ServeTcp([](const HttpRequest&, const HttpServer::Reply& reply) { reply({}); });
  const RawClient client(server_->address());
  ASSERT_TRUE(client.Say("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  int count = 0;
  while (count < 10'000 && client.Say(chunk)) ++count;
  EXPECT_LT(count, 1'000) << "65 MB";
}

}  // namespace
}  // namespace reposfs
