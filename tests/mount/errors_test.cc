// What goes wrong, and what the caller sees: the rows of the error table that need no full disk.

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>

#include "tests/support/mount_test.h"
#include "tests/support/tcp_server.h"

namespace reposfs::testing {
namespace {

using Clock = std::chrono::steady_clock;

class ErrorsTest : public MountTest {};

TEST_F(ErrorsTest, AHostThatIsNotConfiguredDoesNotExist) {
  Mount();
  EXPECT_EQ(ErrnoOfStat(daemon_ / "example.org"), ENOENT);
  EXPECT_EQ(ErrnoOfStat(daemon_ / "example.org/a/b"), ENOENT);
}

TEST_F(ErrorsTest, NamesThatNoHostCouldHaveAreNotAskedFor) {
  Mount();
  EXPECT_EQ(ErrnoOfStat(Path(".hidden/name")), ENOENT);
  EXPECT_EQ(ErrnoOfStat(Path("-dash/name")), ENOENT);
  EXPECT_EQ(ErrnoOfStat(Path("own\ner/name")), ENOENT);
  EXPECT_EQ(ErrnoOfStat(Path("owner/na\x1bme")), ENOENT);
  EXPECT_EQ(ErrnoOfStat(Path("owner/-name")), ENOENT);
  EXPECT_TRUE(server_.Requests().empty());
}

TEST_F(ErrorsTest, NamesOfMoreThan255BytesDoNotExist) {
  Mount();
  EXPECT_EQ(ErrnoOfStat(Path("owner/" + std::string(256, 'n'))), ENOENT);
  EXPECT_EQ(ErrnoOfStat(Path(std::string(256, 'o') + "/name")), ENOENT);
  EXPECT_TRUE(server_.Requests().empty());
}

TEST_F(ErrorsTest, NamesThatToolsProbeForAreNotAskedFor) {
  Mount();
  for (const char* name : {".git", ".hg", ".svn", "node_modules", "package.json", ".editorconfig",
                           ".envrc", ".gitignore", ".gitattributes"}) {
    EXPECT_EQ(ErrnoOfStat(daemon_ / name), ENOENT) << name;
    EXPECT_EQ(ErrnoOfStat(daemon_ / ("test/" + std::string(name))), ENOENT) << name;
    EXPECT_EQ(ErrnoOfStat(Path("owner/" + std::string(name))), ENOENT) << name;
  }
  EXPECT_TRUE(server_.Requests().empty());
}

TEST_F(ErrorsTest, TheIgnoredNamesCanBeConfigured) {
  daemon_.Set("lookup.ignore", "[never-ask]");
  FillWith(server_.Create("a/node_modules"), "real\n");
  Mount();
  EXPECT_EQ(ErrnoOfStat(Path("a/never-ask")), ENOENT);
  EXPECT_TRUE(server_.Requests().empty());
  EXPECT_EQ(ReadFile(Path("a/node_modules") / "file"), "real\n");
}

TEST_F(ErrorsTest, ARepositoryTheUpstreamDoesNotHaveDoesNotExist) {
  Mount();
  EXPECT_EQ(ErrnoOfStat(Path("a/none")), ENOENT);
  EXPECT_EQ(ErrnoOfRead(Path("a/none") / "file"), ENOENT);
}

TEST_F(ErrorsTest, ThatARepositoryDoesNotExistIsRememberedForAWhile) {
  daemon_.Set("freshness.negativeTtl", "2s");
  Mount();
  EXPECT_EQ(ErrnoOfStat(Path("a/late")), ENOENT);
  const std::size_t requests = server_.Requests().size();
  for (int time = 0; time < 20; ++time) EXPECT_EQ(ErrnoOfStat(Path("a/late")), ENOENT);
  EXPECT_EQ(server_.Requests().size(), requests);

  FillWith(server_.Create("a/late"), "late\n");
  EXPECT_TRUE(WaitUntil([&] { return ReadFile(Path("a/late") / "file") == "late\n"; },
                        std::chrono::seconds(10)));
}

TEST_F(ErrorsTest, MissingCredentialsAreAccessDenied) {
  FillWith(server_.Create("a/secret"), "secret\n");
  daemon_.AddHost("private", server_.PrivateUrlTemplate());
  Mount();
  EXPECT_EQ(ErrnoOfList(daemon_ / "private/a/secret"), EACCES);
}

TEST_F(ErrorsTest, RefusedCredentialsAreAccessDenied) {
  FillWith(server_.Create("a/secret"), "secret\n");
  WriteFile(scratch_ / "credentials",
            "http://ada:wrong@127.0.0.1%3a" + std::to_string(server_.port()) + "\n");
  daemon_.AddHost("private", server_.PrivateUrlTemplate(),
                  ", credentialsFile: " + (scratch_ / "credentials").string());
  Mount();
  EXPECT_EQ(ErrnoOfList(daemon_ / "private/a/secret"), EACCES);
}

TEST_F(ErrorsTest, RightCredentialsOpenAPrivateRepository) {
  FillWith(server_.Create("a/secret"), "secret\n");
  WriteFile(scratch_ / "credentials",
            "http://ada:correct-horse@127.0.0.1%3a" + std::to_string(server_.port()) + "\n");
  daemon_.AddHost("private", server_.PrivateUrlTemplate(),
                  ", credentialsFile: " + (scratch_ / "credentials").string());
  Mount();
  EXPECT_EQ(ReadFile(daemon_ / "private/a/secret" / "file"), "secret\n");
  EXPECT_EQ(daemon_.Log().find("correct-horse"), std::string::npos);
  const CommandResult leaks = Execute({"grep", "-r", "correct-horse", daemon_.cache().string()});
  EXPECT_EQ(leaks.out, "") << "the password is in the cache";
}

TEST_F(ErrorsTest, AnUnreachableUpstreamIsNoRouteToHost) {
  const std::string port = std::to_string(FreePort());
  daemon_.AddHost("gone", "http://127.0.0.1:" + port + "/{owner}/{name}.git");
  Mount();
  EXPECT_EQ(ErrnoOfList(daemon_ / "gone/a/b"), EHOSTUNREACH);
}

TEST_F(ErrorsTest, AnUpstreamThatFailsIsNoRouteToHost) {
  FillWith(server_.Create("a/b"), "text\n");
  server_.SetFailure("a/b", "503 Service Unavailable");
  Mount();
  EXPECT_EQ(ErrnoOfList(Path("a/b")), EHOSTUNREACH);
}

TEST_F(ErrorsTest, ASilentUpstreamIsATimeout) {
  TcpServer silent(Stall());
  daemon_.AddHost("silent", silent.UrlTemplate());
  daemon_.Set("freshness.timeout", "500ms");
  daemon_.Set("fetch.requestTimeout", "2s");
  Mount();
  const auto begin = Clock::now();
  EXPECT_EQ(ErrnoOfList(daemon_ / "silent/a/b"), ETIMEDOUT);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(6));
  EXPECT_TRUE(daemon_.Terminate());
}

TEST_F(ErrorsTest, ALookupWaitsNoLongerThanTheTimeout) {
  TcpServer silent(Stall());
  daemon_.AddHost("silent", silent.UrlTemplate());
  daemon_.Set("freshness.timeout", "500ms");
  Mount();
  const auto begin = Clock::now();
  (void)ErrnoOfStat(daemon_ / "silent/a/b");
  EXPECT_LT(Clock::now() - begin, std::chrono::milliseconds(1500));
  EXPECT_TRUE(daemon_.Terminate());
}

TEST_F(ErrorsTest, EachErrorIsLoggedWithItsRepository) {
  FillWith(server_.Create("a/b"), "text\n");
  server_.SetFailure("a/b", "503 Service Unavailable");
  Mount();
  EXPECT_NE(ErrnoOfList(Path("a/b")), 0);
  EXPECT_NE(daemon_.Log().find("test/a/b"), std::string::npos);
}

TEST_F(ErrorsTest, ACorruptObjectIsFetchedAgainAndHealed) {
  FillRandom(server_.Create("a/random"), 1 << 20, 1);
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/random")));
  ASSERT_TRUE(daemon_.Terminate());
  ASSERT_TRUE(Sh("for pack in $(find '" + daemon_.cache().string() +
                 "/repos' -name '*.pack'); do chmod u+w $pack; printf 'broken bytes' | dd of=$pack "
                 "bs=1 seek=400000 conv=notrunc 2>/dev/null; done")
                  .ok());
  ASSERT_TRUE(daemon_.Start());
  AddWorktree(server_.Path("a/random"), scratch_ / "expected", "main");
  const Comparison comparison = CompareTrees(scratch_ / "expected", Path("a/random"));
  EXPECT_TRUE(comparison.equal()) << comparison;
}

}  // namespace
}  // namespace reposfs::testing
