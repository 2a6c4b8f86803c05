// What git's configuration says is known without asking git again, for as long as it says so.

#include "cache/git_settings.h"

#include <algorithm>
#include <barrier>
#include <thread>

#include "cache/http_settings.h"
#include "tests/cache/transport_test.h"

namespace reposfs {
namespace {

// A `git` that notes what it is asked stands before the real one in PATH.
class CountedGit {
 public:
  explicit CountedGit(const std::filesystem::path& directory) : calls_(directory / "calls") {
    std::filesystem::create_directories(directory / "bin");
    const std::filesystem::path git = directory / "bin" / "git";
    testing::WriteFile(git, "#!/bin/sh\necho \"$*\" >>'" + calls_.string() + "'\nexec '" +
                                testing::Output({"which", "git"}) + "' \"$@\"\n");
    std::filesystem::permissions(git, std::filesystem::perms::owner_all);
    ::setenv("PATH", (git.parent_path().string() + ":" + path_).c_str(), 1);
  }
  ~CountedGit() { ::setenv("PATH", path_.c_str(), 1); }

  // One line each.
  std::string calls() const { return testing::ReadFile(calls_); }
  std::ptrdiff_t count() const {
    const std::string text = calls();
    return std::count(text.begin(), text.end(), '\n');
  }

 private:
  const std::string path_ = std::getenv("PATH");
  const std::filesystem::path calls_;
};

Status Always() {
  return {};
}

class GitSettingsTest : public ::testing::Test {
 protected:
  GitSettingsTest() {
    ::setenv("HOME", directory_.path().c_str(), 1);
    ::unsetenv("XDG_CONFIG_HOME");
    ::unsetenv("GIT_CONFIG_GLOBAL");
  }
  ~GitSettingsTest() override { ::setenv("HOME", home_.c_str(), 1); }

  void WriteHome(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((directory_ / name).parent_path());
    testing::WriteFile(directory_ / name, text);
  }

  static std::string Proxy(std::string_view value) {
    return "[http]\n\tproxy = " + std::string(value) + "\n";
  }

  // What http.proxy is for `url` now; "-" if there is none.
  std::string ProxyOf(const std::string& url) {
    Source source;
    source.url = url;
    const auto settings = http_.For(source, Always);
    if (!settings) return settings.error().message;
    return settings->proxy.value_or("-");
  }
  std::string ProxyNow() { return ProxyOf("http://example.org/o/n"); }

  const std::string home_ = std::getenv("HOME");
  testing::TempDir directory_{"settings"};
  CountedGit git_{directory_.path()};
  GitSettingsReader reader_{FetchOptions()};
  HttpSettingsReader http_{reader_};
};

TEST_F(GitSettingsTest, GitIsAskedOnce) {
  WriteHome(".gitconfig", Proxy("p"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ProxyNow(), "p");
  EXPECT_EQ(git_.count(), 1) << git_.calls();
}

TEST_F(GitSettingsTest, AChangeHoldsAtOnce) {
  EXPECT_EQ(ProxyNow(), "-");
  WriteHome(".config/git/config", Proxy("xdg"));
  EXPECT_EQ(ProxyNow(), "xdg");
  WriteHome(".gitconfig", Proxy("home"));
  EXPECT_EQ(ProxyNow(), "home");
  WriteHome(".gitconfig", Proxy("moved"));
  EXPECT_EQ(ProxyNow(), "moved");
  std::filesystem::remove(directory_ / ".gitconfig");
  EXPECT_EQ(ProxyNow(), "xdg");
}

TEST_F(GitSettingsTest, AChangeOfAnIncludedFileHoldsAtOnce) {
  WriteHome(".gitconfig", "[include]\n\tpath = ~/first\n");
  EXPECT_EQ(ProxyNow(), "-");
  WriteHome("first", "[include]\n\tpath = more/second\n");
  EXPECT_EQ(ProxyNow(), "-");
  WriteHome("more/second", Proxy("p"));
  EXPECT_EQ(ProxyNow(), "p");
  WriteHome("more/second", Proxy("other"));
  EXPECT_EQ(ProxyNow(), "other");
  const auto count = git_.count();
  EXPECT_EQ(ProxyNow(), "other");
  EXPECT_EQ(git_.count(), count) << "nothing has changed";
}

TEST_F(GitSettingsTest, AGlobalFileOfTheEnvironmentReplacesTheUsualOnes) {
  WriteHome(".gitconfig", Proxy("home"));
  ::setenv("GIT_CONFIG_GLOBAL", (directory_ / "global").c_str(), 1);
  EXPECT_EQ(ProxyNow(), "-");
  WriteHome("global", Proxy("global"));
  EXPECT_EQ(ProxyNow(), "global");
  ::unsetenv("GIT_CONFIG_GLOBAL");
}

TEST_F(GitSettingsTest, GitChoosesOnceForAllRepositoriesOfAServer) {
  WriteHome(".gitconfig", "[http \"http://example.org\"]\n\tproxy = one\n" + Proxy("all"));
  EXPECT_EQ(ProxyOf("http://example.org/o/n"), "one");
  EXPECT_EQ(ProxyOf("http://elsewhere.org/o/n"), "all");
  const auto count = git_.count();
  EXPECT_EQ(ProxyOf("http://example.org/o/other"), "one");
  EXPECT_EQ(ProxyOf("http://elsewhere.org/o/n"), "all");
  EXPECT_EQ(git_.count(), count) << git_.calls();
  WriteHome(".gitconfig", "[http \"http://example.org\"]\n\tproxy = two\n");
  EXPECT_EQ(ProxyOf("http://example.org/o/n"), "two");
}

TEST_F(GitSettingsTest, ASectionForAPathHoldsForItAlone) {
  WriteHome(".gitconfig", "[http \"http://example.org/o/n\"]\n\tproxy = one\n");
  EXPECT_EQ(ProxyOf("http://example.org/o/n"), "one");
  EXPECT_EQ(ProxyOf("http://example.org/o/other"), "-");
  EXPECT_EQ(ProxyOf("http://example.org/o/n"), "one");
}

TEST_F(GitSettingsTest, AConditionOnTheUrlIsAskedForEachOne) {
  WriteHome(".gitconfig",
            "[includeIf \"hasconfig:remote.*.url:http://one/**\"]\n\tpath = for-one\n");
  WriteHome("for-one", Proxy("one"));
  EXPECT_EQ(ProxyOf("http://one/o/n"), "one");
  EXPECT_EQ(ProxyOf("http://two/o/n"), "-");
  EXPECT_EQ(ProxyOf("http://one/o/n"), "one");
}

TEST_F(GitSettingsTest, WhatIsForgottenIsAskedAgain) {
  EXPECT_EQ(ProxyNow(), "-");
  reader_.Forget();
  EXPECT_EQ(ProxyNow(), "-");
  EXPECT_EQ(git_.count(), 2) << git_.calls();
}

TEST_F(GitSettingsTest, ManyWhoAskAtOnceWaitForOneAnswer) {
  constexpr int kThreads = 8;
  WriteHome(".gitconfig", Proxy("p"));
  std::barrier ready(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      ready.arrive_and_wait();
      EXPECT_EQ(ProxyNow(), "p");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(git_.count(), 1) << git_.calls();
}

TEST_F(GitSettingsTest, WhoGivesUpLeavesTheQuestionToTheNext) {
  Source source;
  const auto given_up = reader_.List(source, []() -> Status {
    return Error{Errc::kInterrupted, "enough"};
  });
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code, Errc::kInterrupted);
  EXPECT_TRUE(reader_.List(source, Always));
}

class PreparedHostTest : public TransportTest {};

TEST_F(PreparedHostTest, AFirstAccessRunsNoProcess) {
  testing::FillSmall(server_.Create("a/small"));
  CountedGit git(directory_.path());
  HostOptions host;
  host.url = server_.UrlTemplate();
  transport_->Prepare(host, Always);
  EXPECT_EQ(git.count(), 1) << git.calls();
  EXPECT_TRUE(server_.Requests().empty()) << "it does not talk to the host";
  const auto refs = transport_->ListRefs(Upstream("a/small"), {});
  ASSERT_TRUE(refs) << refs.error().message;
  Local local(directory_ / "local");
  ASSERT_TRUE(local.Fetch(*transport_, Tip(Upstream("a/small"), refs->refs.head())));
  EXPECT_EQ(git.count(), 1) << git.calls();
}

TEST_F(PreparedHostTest, AnUnreachableHostIsPreparedLikeAnyOther) {
  HostOptions host;
  for (const char* url : {"http://no-such-host.invalid/{owner}/{name}",
                          "ssh://git@h/{owner}/{name}", "https://{owner}.example.org/{name}"}) {
    host.url = url;
    transport_->Prepare(host, Always);
  }
  transport_->Prepare(host, []() -> Status { return Error{Errc::kInterrupted, "enough"}; });
}

}  // namespace
}  // namespace reposfs
