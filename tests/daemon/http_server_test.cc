#include "daemon/http_server.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "base/mutex.h"
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

}  // namespace
}  // namespace reposfs
