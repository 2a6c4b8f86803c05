// Our own client beside the git command, on real servers.

#include "cache/wire_transport.h"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>

#include "cache/object_store.h"
#include "tests/cache/transport_test.h"

namespace reposfs {
namespace {

using Clock = std::chrono::steady_clock;

class WireTransportTest : public TransportTest {
 protected:
  WireTransportTest() { testing::FillSmall(server_.Create("a/small")); }

  // The kinds of requests that `name` got, in order.
  std::string Asked(const std::string& name) const {
    std::string words;
    for (const testing::GitRequest& request : server_.Requests(name)) {
      words +=
          (words.empty() ? "" : " ") + (request.kind == "pack" ? request.command : request.kind);
    }
    return words;
  }

  std::ptrdiff_t InfoCount(const std::string& name) const {
    const auto requests = server_.Requests(name);
    return std::count_if(requests.begin(), requests.end(),
                         [](const auto& request) { return request.kind == "info"; });
  }

  // Brings the tip as a first access does.
  Status Access(const std::string& name) {
    auto refs = transport_->ListRefs(Upstream(name), {});
    if (!refs) return std::move(refs).error();
    Local local(directory_ / ("access" + std::to_string(++access_count_)));
    return local.Fetch(*transport_, Tip(Upstream(name), refs->refs.head()));
  }

  int access_count_ = 0;
};

TEST_F(WireTransportTest, AnAccessCostsTwoRequestsAlsoOfAnUnknownHost) {
  testing::FillSmall(server_.Create("b/other"));
  ASSERT_TRUE(Access("a/small"));
  EXPECT_EQ(Asked("a/small"), "ls-refs fetch");
  ASSERT_TRUE(Access("b/other"));
  EXPECT_EQ(Asked("b/other"), "ls-refs fetch");
}

TEST_F(WireTransportTest, RefsAreThoseThatGitLists) {
  testing::Git(server_.Path("a/small"), {"update-ref", "refs/pull/1/head", "main"});
  const auto ours = transport_->ListRefs(Upstream("a/small"), {});
  const auto gits = GitTransport(limits_).ListRefs(Upstream("a/small"), {});
  ASSERT_TRUE(ours) << ours.error().message;
  ASSERT_TRUE(gits);
  EXPECT_EQ(ours->refs, gits->refs);
}

// Every transfer that a Fetcher makes, by us and by git.
TEST_F(WireTransportTest, BringsWhatGitBrings) {
  testing::FillHistory(server_.Create("a/history"), {.commit_count = 30, .file_count = 40});
  const Source source = Upstream("a/history");
  const Oid tip = Find("a/history", "main");
  const Oid before = Find("a/history", "main~3");
  Local ours(directory_ / "ours");
  Local gits(directory_ / "gits");
  GitTransport git(limits_);
  const auto both = [&](const FetchRequest& request, const char* what) {
    const Status fetched = ours.Fetch(*transport_, request);
    EXPECT_TRUE(fetched) << what << ": " << fetched.error().message;
    ASSERT_TRUE(gits.Fetch(git, request)) << what;
    EXPECT_EQ(ours.Objects(), gits.Objects()) << what;
    EXPECT_EQ(ours.store.Shallow(), gits.store.Shallow()) << what;
  };
  both(Tip(source, before), "tip");
  const Oid blob = Find("a/history", "main~3:dir1/sub1/file1.c");
  FetchRequest blobs = Request(source, {blob});
  blobs.without_blobs = true;
  both(blobs, "blobs");
  FetchRequest content = Tip(source, before);
  content.without_blobs = false;
  content.ignore_local = true;
  both(content, "content");
  FetchRequest moved = Tip(source, tip);
  moved.without_blobs = false;
  moved.haves = {before};
  both(moved, "moved tip");
  FetchRequest history = Request(source, {tip});
  history.haves = {tip, before};
  history.depth = FetchDepth::kUnshallow;
  both(history, "history");
  EXPECT_TRUE(ours.store.Shallow().empty());
  testing::AddCommit(server_.Path("a/history"), "main", "new\n");
  FetchRequest update = Request(source, {Find("a/history", "main")});
  update.haves = {tip};
  both(update, "update");
}

// What nothing but a tip is here of can come in one piece.
TEST_F(WireTransportTest, BringsEverythingBesideATip) {
  testing::FillHistory(server_.Create("a/history"), {.commit_count = 30, .file_count = 40});
  const Oid tip = Find("a/history", "main");
  const std::vector<Oid> all = ObjectsBelowRefs(server_.Path("a/history"));
  GitTransport git(limits_);
  const std::pair<const char*, Transport*> clients[] = {{"ours", transport_.get()}, {"gits", &git}};
  for (const auto& [name, client] : clients) {
    Local local(directory_ / name);
    ASSERT_TRUE(local.Fetch(*client, Tip(Upstream("a/history"), tip)));
    FetchRequest whole = Request(Upstream("a/history"), {tip});
    whole.ignore_local = true;
    const Status fetched = local.Fetch(*client, whole, true);
    EXPECT_TRUE(fetched) << name << ": " << fetched.error().message;
    EXPECT_TRUE(local.store.Shallow().empty()) << name;
    EXPECT_EQ(ObjectStore(local.store.objects()).Missing(all), std::vector<Oid>()) << name;
  }
}

TEST_F(WireTransportTest, AFileUrlIsServedWithoutTheGitTransport) {
  const Source source = SourceOf("file://" + server_.Path("a/small").string());
  const auto refs = transport_->ListRefs(source, {});
  ASSERT_TRUE(refs) << refs.error().message;
  Local local(directory_ / "local");
  const Status fetched = local.Fetch(*transport_, Tip(source, refs->refs.head()));
  ASSERT_TRUE(fetched) << fetched.error().message;
  EXPECT_EQ(local.store.Shallow(), std::set<Oid>{refs->refs.head()});
  EXPECT_EQ(ListFailure(SourceOf("file:///no/such")), Errc::kNotFound);
}

TEST_F(WireTransportTest, AnEmptyRepositoryNamesItsBranch) {
  server_.Create("a/empty");
  const auto refs = transport_->ListRefs(Upstream("a/empty"), {});
  ASSERT_TRUE(refs) << refs.error().message;
  EXPECT_EQ(refs->refs.head_branch(), "refs/heads/main");
  EXPECT_TRUE(refs->refs.head().IsNull());
}

TEST_F(WireTransportTest, ProgressIsReported) {
  testing::FillRandom(server_.Create("a/random"), 4 << 20, 1);
  FetchRequest request = Request(Upstream("a/random"), {Find("a/random", "main")});
  FetchProgress last;
  request.on_progress = [&](const FetchProgress& progress) -> Status {
    EXPECT_GE(progress.received_bytes, last.received_bytes);
    last = progress;
    return {};
  };
  Local local(directory_ / "local");
  ASSERT_TRUE(local.Fetch(*transport_, request));
  EXPECT_GT(last.received_bytes, 0u);
  EXPECT_GT(last.object_count_total, 60u);
}

TEST_F(WireTransportTest, AFailingTransferLeavesTheStagingAsItWas) {
  testing::FillRandom(server_.Create("a/random"), 4 << 20, 1);
  server_.SetCut("a/random", "1000000");
  FetchRequest request = Tip(Upstream("a/random"), Find("a/random", "main"));
  request.without_blobs = false;
  Local local(directory_ / "local");
  const auto fetched = local.Fetch(*transport_, request);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Errc::kUnreachable) << fetched.error().message;
  EXPECT_EQ(local.left_behind, "");
  EXPECT_TRUE(local.shallow_left_behind.empty());
}

TEST_F(WireTransportTest, WhoWatchesATransferCanEndItWhileNothingArrives) {
  server_.Hold("a/small", "command=fetch");
  FetchRequest request = Tip(Upstream("a/small"), Find("a/small", "main"));
  const auto begin = Clock::now();
  request.on_progress = [&](const FetchProgress&) -> Status {
    if (Clock::now() - begin < milliseconds(300)) return {};
    return Error{Errc::kInterrupted, "enough"};
  };
  Local local(directory_ / "local");
  const auto fetched = local.Fetch(*transport_, request);
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Errc::kInterrupted);
  EXPECT_EQ(fetched.error().message, "enough");
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(2));
  server_.Release("a/small");
}

TEST_F(WireTransportTest, ASilentServerIsATimeout) {
  testing::TcpServer silent(testing::Stall());
  limits_.stall_timeout = milliseconds(300);
  Restart();
  const Source source = SourceOf("http://127.0.0.1:" + std::to_string(silent.port()) + "/o/n");
  EXPECT_EQ(ListFailure(source), Errc::kTimedOut);
  EXPECT_NE(message_.find(source.url), std::string::npos) << message_;
}

TEST_F(WireTransportTest, EachRefusalLeadsToADecision) {
  EXPECT_EQ(ListFailure(Upstream("a/none")), Errc::kNotFound);
  const std::pair<const char*, Errc> expected[] = {
      {"403 Forbidden", Errc::kAccessDenied},
      {"404 Not Found", Errc::kNotFound},
      {"410 Gone", Errc::kNotFound},
      {"429 Too Many Requests", Errc::kUnreachable},
      {"500 Internal Server Error", Errc::kUnreachable},
      {"503 Service Unavailable", Errc::kUnreachable},
      {"301 Moved Permanently\r\nLocation: http://u:secret@elsewhere/o/n", Errc::kNotFound}};
  ASSERT_TRUE(Access("a/small"));
  for (const auto& [status, code] : expected) {
    server_.SetFailure("a/small", status);
    EXPECT_EQ(ListFailure(Upstream("a/small")), code) << status << ": " << message_;
    EXPECT_TRUE(message_.starts_with(server_.Url("a/small") + ": ")) << message_;
    EXPECT_NE(message_.find(std::string(status, 3)), std::string::npos) << message_;
    EXPECT_EQ(message_.find("secret"), std::string::npos) << message_;
  }
}

TEST_F(WireTransportTest, AnOverloadedServerSaysWhenToComeAgainAndIsAskedOnce) {
  ASSERT_TRUE(Access("a/small"));
  server_.ForgetRequests();
  server_.SetFailure("a/small", "503 Service Unavailable\r\nRetry-After: 120");
  EXPECT_EQ(ListFailure(Upstream("a/small")), Errc::kUnreachable);
  EXPECT_NE(message_.find("wait for 120 s"), std::string::npos) << message_;
  EXPECT_EQ(server_.Requests().size(), 1u);
}

TEST_F(WireTransportTest, AnUnreachableServerIsUnreachable) {
  EXPECT_EQ(ListFailure(SourceOf("http://127.0.0.1:" + std::to_string(testing::FreePort()) + "/n")),
            Errc::kUnreachable);
  EXPECT_EQ(ListFailure(SourceOf("http://no-such-host.invalid/n")), Errc::kUnreachable);
}

TEST_F(WireTransportTest, AnObjectThatTheServerDoesNotHaveIsNotFound) {
  Local local(directory_ / "local");
  const auto fetched =
      local.Fetch(*transport_, Tip(Upstream("a/small"), *Oid::FromHex(std::string(40, '1'))));
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Errc::kNotFound) << fetched.error().message;
}

// --- Servers that are not what was believed ---

TEST_F(WireTransportTest, AServerThatAnswersStrangelyIsAskedOnceMore) {
  ASSERT_TRUE(Access("a/small"));
  testing::FillSmall(server_.Create("b/plain"));
  testing::Git(server_.Path("b/plain"), {"config", "uploadpack.allowFilter", "false"});
  ASSERT_TRUE(Access("b/plain"));
  EXPECT_EQ(Asked("b/plain"), "ls-refs fetch info fetch");
  server_.ForgetRequests();
  ASSERT_TRUE(Access("b/plain"));
  EXPECT_EQ(Asked("b/plain"), "ls-refs fetch") << "it is remembered";
}

TEST_F(WireTransportTest, AServerWithoutVersion2IsLeftToGit) {
  testing::FillSmall(server_.Create("b/old"));
  server_.SetOld("b/old");
  ASSERT_TRUE(Access("b/old"));
  EXPECT_EQ(InfoCount("b/old"), 3) << "we, git ls-remote, git fetch";
  EXPECT_TRUE(Asked("b/old").starts_with("ls-refs info info")) << Asked("b/old");
  server_.ForgetRequests();
  ASSERT_TRUE(Access("b/old"));
  EXPECT_EQ(InfoCount("b/old"), 2) << "we know that it is none for us";
  EXPECT_EQ(Asked("b/old").find("ls-refs"), std::string::npos) << Asked("b/old");
}

// Answers each POST with `status`, and knows the refs of no repository but what GETs tell.
class FilesOnlyServer {
 public:
  explicit FilesOnlyServer(std::string status)
      : status_(std::move(status)), server_([this](int fd) { Serve(fd); }) {}
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + "/o/n.git";
  }

 private:
  void Serve(int fd) const {
    char buffer[65536];
    const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
    if (size <= 0) return;
    const bool get = std::string_view(buffer, static_cast<std::size_t>(size)).starts_with("GET");
    const std::string body = get ? std::string(40, 'a') + "\trefs/heads/main\n" : "";
    const std::string answer = "HTTP/1.1 " + (get ? "200 OK" : status_) +
                               "\r\nContent-Type: text/plain\r\nConnection: close\r\n" +
                               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL));
  }

  const std::string status_;
  testing::TcpServer server_;
};

TEST_F(WireTransportTest, AServerThatRefusesWhatItDoesNotKnowIsAskedWhatItCan) {
  for (const char* status :
       {"400 Bad Request", "403 Forbidden", "404 Not Found", "405 Method Not Allowed",
        "500 Internal Server Error", "302 Found\r\nLocation: http://elsewhere/o/n"}) {
    FilesOnlyServer server(status);
    const auto refs = transport_->ListRefs(SourceOf(server.url()), {});
    ASSERT_TRUE(refs) << status << ": " << refs.error().message;
    EXPECT_EQ(refs->refs.refs().size(), 1u) << status;
  }
}

TEST_F(WireTransportTest, AnUnknownServerThatIsOverloadedIsAskedOnce) {
  server_.SetFailure("a/small", "503 Service Unavailable\r\nRetry-After: 120");
  EXPECT_EQ(ListFailure(Upstream("a/small")), Errc::kUnreachable);
  EXPECT_NE(message_.find("wait for 120 s"), std::string::npos) << message_;
  EXPECT_EQ(server_.Requests().size(), 1u);
}

TEST_F(WireTransportTest, AnUnknownServerSaysThatThereIsNoSuchRepository) {
  EXPECT_EQ(ListFailure(Upstream("a/none")), Errc::kNotFound);
  EXPECT_EQ(Asked("a/none"), "ls-refs info");
}

TEST_F(WireTransportTest, AServerThatCannotFilterIsAskedBeforeItsFirstFetch) {
  testing::Git(server_.Path("a/small"), {"config", "uploadpack.allowFilter", "false"});
  ASSERT_TRUE(Access("a/small"));
  EXPECT_EQ(Asked("a/small"), "ls-refs fetch info fetch");
  testing::FillSmall(server_.Create("b/other"));
  ASSERT_TRUE(Access("b/other"));
  EXPECT_EQ(Asked("b/other"), "ls-refs fetch") << "one odd repository says nothing about others";
}

TEST_F(WireTransportTest, AServerThatForgetsVersion2IsLeftToGit) {
  ASSERT_TRUE(Access("a/small"));
  server_.SetOld("a/small");
  EXPECT_TRUE(Access("a/small"));
}

TEST_F(WireTransportTest, ASha256RepositoryIsUnsupported) {
  ASSERT_TRUE(Access("a/small"));
  const std::filesystem::path path = server_.Path("a/sha256");
  testing::Output({"git", "init", "-q", "--bare", "--object-format=sha256", "--initial-branch=main",
                   path.string()});
  testing::FillWith(path, "text\n");
  EXPECT_EQ(ListFailure(Upstream("a/sha256")), Errc::kUnsupported) << message_;
  EXPECT_NE(message_.find("SHA-256"), std::string::npos) << message_;
}

// --- Credentials ---

class CredentialsTest : public WireTransportTest {
 protected:
  Source PrivateWith(const std::string& password) {
    testing::WriteFile(directory_ / "credentials", "http://ada:" + password + "@127.0.0.1%3a" +
                                                       std::to_string(server_.port()) + "\n");
    Source source = Private("a/small");
    source.host.credentials_file = directory_ / "credentials";
    return source;
  }
};

TEST_F(CredentialsTest, AreAskedForOnlyWhenTheServerWantsThem) {
  SetGitConfig("[credential]\n\thelper = \"!touch " + (directory_ / "asked").string() + ";\"\n");
  EXPECT_TRUE(transport_->ListRefs(Upstream("a/small"), {}));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "asked"));
  EXPECT_EQ(ListFailure(Private("a/small")), Errc::kAccessDenied) << message_;
  EXPECT_TRUE(std::filesystem::exists(directory_ / "asked"));
}

TEST_F(CredentialsTest, OpenAPrivateRepository) {
  const Source source = PrivateWith("correct-horse");
  const auto refs = transport_->ListRefs(source, {});
  ASSERT_TRUE(refs) << refs.error().message;
  Local local(directory_ / "local");
  EXPECT_TRUE(local.Fetch(*transport_, Tip(source, refs->refs.head())));
  EXPECT_TRUE(transport_->ListRefs(source, {}));
}

TEST_F(CredentialsTest, AHelperIsAskedOncePerServer) {
  testing::WriteFile(directory_ / "helper",
                     "#!/bin/sh\necho $1 >>" + (directory_ / "calls").string() +
                         "\n[ $1 = get ] && echo username=ada && echo password=correct-horse\n");
  std::filesystem::permissions(directory_ / "helper", std::filesystem::perms::owner_all);
  SetGitConfig("[credential]\n\thelper = " + (directory_ / "helper").string() + "\n");
  testing::FillSmall(server_.Create("a/second"));
  for (const char* name : {"a/small", "a/second", "a/small"}) {
    const auto refs = transport_->ListRefs(Private(name), {});
    ASSERT_TRUE(refs) << refs.error().message;
  }
  EXPECT_EQ(testing::ReadFile(directory_ / "calls"), "get\nstore\n");
}

TEST_F(CredentialsTest, AreRefusedOnceNotOncePerRequest) {
  testing::WriteFile(directory_ / "helper",
                     "#!/bin/sh\necho $1 >>" + (directory_ / "calls").string() +
                         "\n[ $1 = get ] && echo username=ada && echo password=wrong\n");
  std::filesystem::permissions(directory_ / "helper", std::filesystem::perms::owner_all);
  SetGitConfig("[credential]\n\thelper = " + (directory_ / "helper").string() + "\n");
  EXPECT_EQ(ListFailure(Private("a/small")), Errc::kAccessDenied);
  EXPECT_EQ(testing::ReadFile(directory_ / "calls"), "get\nerase\n");
}

TEST_F(CredentialsTest, OfOneHostAreNotUsedForAnotherAtTheSameAddress) {
  ASSERT_TRUE(transport_->ListRefs(PrivateWith("correct-horse"), {}));
  EXPECT_EQ(ListFailure(Private("a/small")), Errc::kAccessDenied);
}

TEST_F(CredentialsTest, ThatAreRefusedAreAccessDeniedAndNotShown) {
  EXPECT_EQ(ListFailure(PrivateWith("wrong-horse")), Errc::kAccessDenied);
  EXPECT_EQ(message_.find("horse"), std::string::npos) << message_;
  EXPECT_EQ(ListFailure(Private("a/small")), Errc::kAccessDenied);
}

TEST_F(CredentialsTest, ThatWereAcceptedAreRemembered) {
  ASSERT_TRUE(transport_->ListRefs(PrivateWith("correct-horse"), {}));
  EXPECT_TRUE(transport_->ListRefs(PrivateWith("wrong-horse"), {}));
}

// --- Settings of the user ---

// Answers every request with 403 and remembers what it was asked.
class Listener {
 public:
  Listener() : server_([this](int fd) { Answer(fd); }) {}
  std::string heard() const {
    MutexLock lock(mutex_);
    return heard_;
  }
  std::uint16_t port() const { return server_.port(); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()) + "/o/n.git"; }

 private:
  void Answer(int fd) {
    char buffer[8192];
    const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
    if (size <= 0) return;
    {
      MutexLock lock(mutex_);
      heard_.append(buffer, static_cast<std::size_t>(size));
    }
    const std::string answer =
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL));
  }

  mutable Mutex mutex_;
  std::string heard_ REPOSFS_GUARDED_BY(mutex_);
  testing::TcpServer server_;
};

class HttpConfigurationTest : public WireTransportTest {
 protected:
  Listener listener_;
};

TEST_F(HttpConfigurationTest, ExtraHeadersAreSent) {
  SetGitConfig("[http]\n\textraHeader = X-One: 1\n\textraHeader = X-Two: 2\n");
  EXPECT_EQ(ListFailure(SourceOf(listener_.url())), Errc::kAccessDenied);
  EXPECT_NE(listener_.heard().find("X-One: 1\r\n"), std::string::npos) << listener_.heard();
  EXPECT_NE(listener_.heard().find("X-Two: 2\r\n"), std::string::npos);
  EXPECT_NE(listener_.heard().find("Git-Protocol: version=2\r\n"), std::string::npos);
}

TEST_F(HttpConfigurationTest, AHeaderForOneServerIsSentToNoOther) {
  SetGitConfig("[http \"" + listener_.url() + "\"]\n\textraHeader = X-One: 1\n");
  EXPECT_EQ(ListFailure(SourceOf(listener_.url())), Errc::kAccessDenied);
  EXPECT_NE(listener_.heard().find("X-One: 1\r\n"), std::string::npos) << listener_.heard();
  Listener other;
  EXPECT_EQ(ListFailure(SourceOf(other.url())), Errc::kAccessDenied);
  EXPECT_EQ(other.heard().find("X-One"), std::string::npos) << other.heard();
}

TEST_F(HttpConfigurationTest, TheProxyIsUsed) {
  SetGitConfig("[http]\n\tproxy = http://127.0.0.1:" + std::to_string(listener_.port()) + "\n");
  EXPECT_EQ(ListFailure(SourceOf("http://example.invalid/o/n")), Errc::kAccessDenied) << message_;
  EXPECT_TRUE(listener_.heard().starts_with("POST http://example.invalid/o/n/git-upload-pack "))
      << listener_.heard();
}

TEST_F(HttpConfigurationTest, WhatOnlyGitCanFollowIsLeftToGit) {
  SetGitConfig("[http]\n\tcookieFile = /dev/null\n");
  EXPECT_EQ(ListFailure(SourceOf(listener_.url())), Errc::kAccessDenied);
  EXPECT_NE(listener_.heard().find("User-Agent: git/2"), std::string::npos) << listener_.heard();
}

}  // namespace
}  // namespace reposfs
