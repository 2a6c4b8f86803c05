// Every answer of the HTTP interface is as deploy/openapi.json says.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

using nlohmann::json;

constexpr auto kSoon = std::chrono::seconds(60);

class OpenApiTest : public MountTest {
 protected:
  // Asks on the control socket, and keeps what was answered.
  json Ask(const std::string& method, const std::string& path, const json& body = nullptr,
           const std::string& type = "application/json") {
    Argv argv = {
        "curl", "-s", "-X", method, "--unix-socket", (daemon_.cache() / "control.sock").string()};
    if (!body.is_null()) {
      WriteFile(scratch_ / "body", body.dump());
      argv.insert(argv.end(), {"-H", "Content-Type: " + type, "--data-binary",
                               "@" + (scratch_ / "body").string()});
    }
    return Keep(method, path, "http://reposfs" + path, std::move(argv));
  }
  // The same on the HTTP address.
  json AskOverTcp(const std::string& method, const std::string& path) {
    const std::string address = Ask("GET", "/v1/status")["httpListen"];
    return Keep(method, path, "http://" + address + path, {"curl", "-s", "-X", method});
  }
  json Get(const std::string& path) { return Ask("GET", path); }
  json OfKey(const std::string& name, const std::string& rest = "") {
    return Get("/v1/repos/" + Key(name) + rest);
  }
  json Change(const std::string& name, const std::string& action, const json& body = nullptr) {
    return Ask("POST", "/v1/repos/" + Key(name) + "/" + action, body);
  }
  json Bake(const json& body, const std::string& type = "application/json") {
    return Ask("POST", "/bake", body, type);
  }
  // Job `kind` of repository `name` in the queue; null if there is none.
  json JobOf(const std::string& name, const std::string& kind) {
    for (const json& job : Get("/v1/jobs")) {
      if (job["key"] == Key(name) && job["kind"] == kind) return job;
    }
    return nullptr;
  }

  ::testing::AssertionResult AllAreAsDescribed() {
    WriteFile(scratch_ / "openapi.json", Get("/openapi.json").dump());
    WriteFile(scratch_ / "exchanges.json", exchanges_.dump());
    const CommandResult checked =
        Execute({"python3", CHECK_OPENAPI, (scratch_ / "openapi.json").string(),
                 (scratch_ / "exchanges.json").string()});
    if (checked.ok()) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << checked.out << checked.err;
  }

 private:
  json Keep(const std::string& method, const std::string& path, const std::string& url, Argv argv) {
    argv.insert(argv.end(), {"-w", "\n%{http_code} %{content_type}", url});
    const CommandResult result = Execute(argv);
    const std::size_t end = result.out.rfind('\n');
    EXPECT_TRUE(result.ok() && end != std::string::npos) << result;
    if (!result.ok() || end == std::string::npos) return nullptr;
    const std::string body = result.out.substr(0, end);
    const std::string about = result.out.substr(end + 1);
    exchanges_.push_back({{"method", method},
                          {"path", path},
                          {"status", std::stoi(about)},
                          {"type", about.substr(about.find(' ') + 1)},
                          {"body", body}});
    return json::parse(body, nullptr, false);
  }

  json exchanges_ = json::array();
};

TEST_F(OpenApiTest, EveryAnswerIsAsTheDocumentSays) {
  FillSmall(server_.Create("a/small"));
  FillSmall(server_.Create("a/slow"));
  FillSmall(server_.Create("a/broken"));
  server_.Create("a/empty");
  server_.HoldContent("a/slow");
  server_.SetFailure("a/broken", "503 Service Unavailable");
  daemon_.AddHost("limited",
                  "http://localhost:" + std::to_string(server_.port()) + "/{owner}/{name}.git",
                  ", requestsPerMinute: 100");
  Mount();

  for (const char* path :
       {"/healthz", "/readyz", "/v1/status", "/v1/repos", "/v1/jobs", "/v1/ring"})
    Get(path);
  Get("/v1/ring/owners/" + Key("a/small"));

  // A transfer under way, a failure, and a host with a limit.
  Change("a/slow", "warm", {{"stage", "complete"}});
  Change("a/broken", "warm", {{"stage", "tip"}});
  ASSERT_TRUE(WaitUntil([&] { return OfKey("a/slow")["progress"].is_object(); }, kSoon));
  ASSERT_TRUE(WaitUntil([&] { return OfKey("a/broken")["error"].is_string(); }, kSoon));
  Ask("POST", "/v1/repos/limited/a/small/warm", {{"stage", "tip"}});
  ASSERT_TRUE(WaitUntil([&] { return Get("/v1/status")["hosts"].size() == 2; }, kSoon));
  EXPECT_FALSE(Get("/v1/status")["fetching"].empty());
  EXPECT_EQ(Bake({{"url", server_.Url("a/slow")}})["key"], Key("a/slow"));

  // Everything of a repository.
  EXPECT_EQ(Change("a/small", "pin")["pinned"], true);
  Change("a/small", "warm", {{"stage", "complete"}});
  ASSERT_TRUE(WaitUntil(
      [&] {
        return Bake({{"url", server_.Url("a/small")}})["history"] == "complete";
      },
      kSoon));
  OfKey("a/small");
  OfKey("a/small", "/insights");
  OfKey("a/small", "/insights.html");
  Change("a/small", "unpin");
  Change("a/small", "refresh");
  Bake({{"url", server_.Url("a/empty")}});
  OfKey("a/empty");
  ASSERT_TRUE(WaitUntil([&] { return Change("a/small", "evict")["stage"] == "absent"; }, kSoon));
  EXPECT_FALSE(Get("/v1/evictions").empty());
  EXPECT_EQ(Get("/debug/locks").size(), 0u);
  OfKey("a/small");

  // A job that fails and is tried again.
  server_.SetFailure("a/slow", "503 Service Unavailable");
  server_.Release("a/slow");
  json job;
  ASSERT_TRUE(WaitUntil(
      [&] {
        job = JobOf("a/slow", "hydrate");
        return job.is_object() && job["state"] == "queued" && job["lastError"].is_string();
      },
      kSoon));
  EXPECT_FALSE(Get("/v1/status")["problems"].empty());
  const std::string id = std::to_string(job["id"].get<int>());
  EXPECT_EQ(Ask("POST", "/v1/jobs/" + id + "/retry")["state"], "queued");
  EXPECT_TRUE(WaitUntil(
      [&] { return Ask("POST", "/v1/jobs/" + id + "/cancel")["state"] == "cancelled"; }, kSoon));

  // What is refused.
  for (const char* path : {"/", "/v1", "/v1/repos/test", "/v1/repos/none/a/b", "/v1/nonsense",
                           "/v1/repos/test/a/never", "/v1/repos/test/a/never/insights",
                           "/v1/repos/test/a%2Fb/c", "/bake"}) {
    Get(path);
  }
  Ask("POST", "/v1/jobs/x/retry");
  Ask("DELETE", "/v1/status");
  Change("a/never", "evict");
  Change("a/none", "pin");
  Change("a/small", "warm", {{"stage", "nonsense"}});
  Change("a/small", "nonsense");
  Bake("nonsense");
  Bake({{"url", server_.Url("a/none")}});
  Bake({{"url", "https://unknown.example/a/b"}});
  Bake({{"url", server_.Url("a/small")}}, "text/plain");
  Bake(std::string(2u << 20, 'x'));
  EXPECT_EQ(AskOverTcp("POST", "/v1/repos/" + Key("a/small") + "/evict")["code"], "access-denied");
  AskOverTcp("GET", "/openapi.json");
  EXPECT_TRUE(AllAreAsDescribed());
}

}  // namespace
}  // namespace reposfs::testing
