// A node serves git: stock git clients of a real daemon in front of a real host.

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <thread>

#include "tests/support/mount_test.h"
#include "tests/support/repository_builder.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;

constexpr char kSecret[] = "open-sesame";

class GitServiceTest : public MountTest {
 protected:
  GitServiceTest() { daemon_.Set("http.serveGit", "anyone"); }

  std::string Address() const {
    return "http://" + daemon_.CliJson({"status"})["httpListen"].get<std::string>();
  }
  // Where the node serves the server's repository `name`.
  std::string Url(const std::string& name) const { return Address() + "/test/" + name + ".git"; }

  CommandResult Clone(const std::string& name, const std::string& to, Argv options = {}) {
    Argv argv = {"git", "clone", "-q"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(argv.end(), {Url(name), (scratch_ / to).string()});
    return Execute(argv);
  }
  // The refs and objects of `repository`, as a text that is equal for equal ones.
  static std::string ContentOf(const fs::path& repository) {
    Git(repository, {"fsck", "--full", "--strict"});
    return Git(repository, {"for-each-ref"}) + "\n" +
           Git(repository, {"rev-list", "--all", "--objects", "--no-object-names"});
  }
  std::string Header(const CommandResult& answer, const std::string& name) const {
    const std::size_t at = answer.out.find(name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 2;
    return answer.out.substr(begin, answer.out.find('\r', begin) - begin);
  }
  // GET info/refs, with its headers.
  CommandResult AskRefs(const std::string& name, Argv options = {}) const {
    Argv argv = {"curl", "-sS", "-i", "-H", "Git-Protocol: version=2"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.push_back(Url(name) + "/info/refs?service=git-upload-pack");
    return Execute(argv);
  }
};

TEST_F(GitServiceTest, AMirrorOfARepositoryUnknownToTheNodeIsTheSameAsOfItsHost) {
  FillSmall(server_.Create("a/small"));
  Mount();
  const CommandResult cloned = Clone("a/small", "mirror", {"--mirror"});
  ASSERT_TRUE(cloned.ok()) << cloned;
  EXPECT_EQ(ContentOf(scratch_ / "mirror"), ContentOf(server_.Path("a/small")));
  EXPECT_EQ(Git(scratch_ / "mirror", {"symbolic-ref", "HEAD"}), "refs/heads/main");
  server_.Stop();
  const CommandResult again = Clone("a/small", "again");
  EXPECT_TRUE(again.ok()) << "the host is not needed any more: " << again;
}

TEST_F(GitServiceTest, AFetchBringsWhatIsNew) {
  FillSmall(server_.Create("a/small"));
  daemon_.Set("freshness.mode", "strict");
  daemon_.Set("freshness.maxAge", "0s");
  Mount();
  ASSERT_TRUE(Clone("a/small", "clone").ok());
  {
    RepositoryBuilder builder(server_.Path("a/small"));
    builder.SetTime(1'700'000'000);
    builder.Commit("main", "new", {File("new", "content")});
  }
  const CommandResult fetched =
      Execute({"git", "-C", (scratch_ / "clone").string(), "fetch", "-q"});
  ASSERT_TRUE(fetched.ok()) << fetched;
  EXPECT_EQ(Git(scratch_ / "clone", {"rev-parse", "origin/main"}),
            Git(server_.Path("a/small"), {"rev-parse", "main"}));
  Git(scratch_ / "clone", {"fsck", "--full", "--strict"});
}

TEST_F(GitServiceTest, WhatIsHeldWholeIsGivenAsABundle) {
  FillSmall(server_.Create("a/small"));
  Mount();
  const auto get = [&](const std::string& to) {
    return Output({"curl", "-sS", "-o", (scratch_ / to).string(), "-w", "%{http_code}",
                   Url("a/small") + "/clone.bundle"});
  };
  EXPECT_EQ(get("early"), "404") << ReadFile(scratch_ / "early");
  EXPECT_NE(ReadFile(scratch_ / "early").find("clone it"), std::string::npos);
  ASSERT_TRUE(daemon_.Warm(Key("a/small")));
  ASSERT_TRUE(WaitUntil([&] { return get("small.bundle") == "200"; }, std::chrono::seconds(20)));
  const std::string bundle = scratch_ / "small.bundle";
  const CommandResult cloned =
      Execute({"git", "clone", "-q", "--mirror", bundle, (scratch_ / "mirror").string()});
  ASSERT_TRUE(cloned.ok()) << cloned;
  EXPECT_EQ(ContentOf(scratch_ / "mirror"), ContentOf(server_.Path("a/small")));
  const CommandResult from_both =
      Clone("a/small", "both", {"--bundle-uri=" + Url("a/small") + "/clone.bundle"});
  ASSERT_TRUE(from_both.ok()) << from_both;
  EXPECT_EQ(from_both.err, "");
  EXPECT_EQ(Git(scratch_ / "both", {"rev-parse", "HEAD"}),
            Git(server_.Path("a/small"), {"rev-parse", "main"}));
}

// Only what is asked for is brought: the host keeps everything else back.
TEST_F(GitServiceTest, WhatIsNotServedForWantOfGitIsInTheLog) {
  FillSmall(server_.Create("a/small"));
  const fs::path bin = scratch_ / "bin";
  fs::create_directories(bin);
  for (const char* name : {"git", "sh", "fusermount", "fusermount3"}) {
    if (fs::exists(fs::path("/usr/bin") / name)) {
      fs::create_symlink(fs::path("/usr/bin") / name, bin / name);
    }
  }
  daemon_.SetEnvironment("PATH=" + bin.string());
  Mount();
  ReadFile(Path("a/small") / "README.md");
  ASSERT_TRUE(daemon_.WaitForStage(Key("a/small"), "complete"));
  fs::remove(bin / "git");
  EXPECT_FALSE(Clone("a/small", "shallow", {"--depth", "1"}).ok());
  EXPECT_NE(daemon_.Log().find("not served to a git client"), std::string::npos) << daemon_.Log();
}

TEST_F(GitServiceTest, AShallowCloneNeedsNoHistory) {
  FillSmall(server_.Create("a/small"));
  server_.Hold("a/small", "deepen 2147483647");
  Mount();
  const CommandResult cloned = Clone("a/small", "shallow", {"--depth", "1"});
  ASSERT_TRUE(cloned.ok()) << cloned;
  EXPECT_EQ(Git(scratch_ / "shallow", {"rev-list", "--count", "HEAD"}), "1");
  EXPECT_EQ(Git(scratch_ / "shallow", {"status", "--porcelain"}), "");
  EXPECT_EQ(Git(scratch_ / "shallow", {"rev-parse", "HEAD"}),
            Git(server_.Path("a/small"), {"rev-parse", "main"}));
  server_.Release("a/small");
}

TEST_F(GitServiceTest, AShallowBloblessCloneNeedsNoBlobs) {
  FillSmall(server_.Create("a/small"));
  server_.HoldContent("a/small");
  Mount();
  const CommandResult cloned =
      Clone("a/small", "tip", {"--depth", "1", "--filter=blob:none", "--no-checkout"});
  ASSERT_TRUE(cloned.ok()) << cloned;
  EXPECT_EQ(daemon_.Stage(Key("a/small")), "tip");
  // Blobs are asked for by their names.
  const CommandResult checked_out =
      Execute({"git", "-C", (scratch_ / "tip").string(), "checkout", "-q", "main"});
  ASSERT_TRUE(checked_out.ok()) << checked_out;
  EXPECT_EQ(Git(scratch_ / "tip", {"status", "--porcelain"}), "");
  EXPECT_EQ(daemon_.Stage(Key("a/small")), "tip");
  server_.Release("a/small");
}

TEST_F(GitServiceTest, ABloblessCloneGetsItsBlobsAtCheckout) {
  FillSmall(server_.Create("a/small"));
  Mount();
  const CommandResult cloned = Clone("a/small", "blobless", {"--filter=blob:none"});
  ASSERT_TRUE(cloned.ok()) << cloned;
  EXPECT_EQ(Git(scratch_ / "blobless", {"status", "--porcelain"}), "");
  EXPECT_EQ(Git(scratch_ / "blobless", {"rev-list", "--count", "HEAD"}),
            Git(server_.Path("a/small"), {"rev-list", "--count", "main"}));
  EXPECT_NE(
      Git(scratch_ / "blobless", {"rev-list", "--all", "--objects", "--missing=print"}).find('?'),
      std::string::npos)
      << "blobs of old commits are left out";
}

TEST_F(GitServiceTest, AClientOfProtocolVersionZeroIsServed) {
  FillSmall(server_.Create("a/small"));
  Mount();
  const CommandResult cloned = Clone("a/small", "old", {"--mirror", "-c", "protocol.version=0"});
  ASSERT_TRUE(cloned.ok()) << cloned;
  EXPECT_EQ(ContentOf(scratch_ / "old"), ContentOf(server_.Path("a/small")));
}

TEST_F(GitServiceTest, RefsAndFailuresAreTold) {
  FillSmall(server_.Create("a/small"));
  server_.Create("a/empty");
  Mount();
  EXPECT_EQ(Output({"git", "ls-remote", Url("a/small")}),
            Output({"git", "ls-remote", server_.Url("a/small")}));
  const CommandResult empty = Clone("a/empty", "empty");
  EXPECT_TRUE(empty.ok()) << empty;
  const CommandResult none = Clone("a/none", "none");
  EXPECT_FALSE(none.ok());
  EXPECT_NE(none.err.find("not found"), std::string::npos) << none;
  const CommandResult elsewhere = Execute({"git", "ls-remote", Address() + "/nowhere.org/a/b.git"});
  EXPECT_NE(elsewhere.err.find("host nowhere.org is not configured"), std::string::npos)
      << elsewhere;
}

TEST_F(GitServiceTest, NothingCanBePushed) {
  FillSmall(server_.Create("a/small"));
  Mount();
  ASSERT_TRUE(Clone("a/small", "clone").ok());
  const CommandResult pushed =
      Execute({"git", "-C", (scratch_ / "clone").string(), "push", "origin", "main:other"});
  EXPECT_FALSE(pushed.ok());
  EXPECT_NE(pushed.err.find("nothing can be pushed here"), std::string::npos) << pushed;
}

TEST_F(GitServiceTest, IsOffUnlessAskedFor) {
  FillSmall(server_.Create("a/small"));
  daemon_.Set("http.serveGit", "off");
  Mount();
  const CommandResult refused = Clone("a/small", "clone");
  EXPECT_FALSE(refused.ok());
  EXPECT_NE(refused.err.find("http.serveGit"), std::string::npos) << refused;
  EXPECT_TRUE(server_.Requests().empty());
}

TEST_F(GitServiceTest, OnlyWhoShowsTheSecretIsServed) {
  FillSmall(server_.Create("a/small"));
  WriteFile(scratch_ / "token", std::string(kSecret) + "\n");
  daemon_.Set("http.serveGit", "token");
  daemon_.Set("ring.tokenFile", (scratch_ / "token").string());
  Mount();
  const std::string refs = Url("a/small") + "/info/refs?service=git-upload-pack";
  const auto status = [&](Argv options) {
    Argv argv = {"curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.push_back(refs);
    return Output(argv);
  };
  EXPECT_EQ(status({}), "401");
  EXPECT_EQ(status({"-H", "Authorization: Bearer open-sesamf"}), "401");
  EXPECT_EQ(status({"-u", "git:wrong"}), "401");
  EXPECT_TRUE(server_.Requests().empty()) << "nobody is asked for who may not ask";
  EXPECT_EQ(status({"-H", std::string("Authorization: Bearer ") + kSecret}), "200");
  EXPECT_EQ(status({"-u", std::string("anybody:") + kSecret}), "200");

  const CommandResult cloned = Execute(
      {"git", "-c",
       std::string("credential.helper=!f() { echo username=x; echo password=") + kSecret + "; }; f",
       "clone", "-q", Url("a/small"), (scratch_ / "clone").string()});
  EXPECT_TRUE(cloned.ok()) << cloned;
}

TEST_F(GitServiceTest, WhoAsksOnlyForWhatIsCachedCausesNoFetch) {
  FillSmall(server_.Create("a/small"));
  Mount();
  const Argv only_if_cached = {"-H", "Cache-Control: only-if-cached"};
  const CommandResult unknown = AskRefs("a/small", only_if_cached);
  EXPECT_NE(unknown.out.find("404"), std::string::npos) << unknown;
  EXPECT_EQ(Header(unknown, "Reposfs-Cached"), "no");
  EXPECT_TRUE(server_.Requests().empty());

  ASSERT_TRUE(daemon_.Warm(Key("a/small")));
  server_.ForgetRequests();
  const CommandResult known = AskRefs("a/small", only_if_cached);
  EXPECT_EQ(Header(known, "Reposfs-Stage"), "complete") << known;
  EXPECT_NE(Header(known, "Age"), "") << known;
  const CommandResult cloned =
      Execute({"git", "-c", "http.extraHeader=Cache-Control: only-if-cached", "clone", "-q",
               Url("a/small"), (scratch_ / "clone").string()});
  EXPECT_TRUE(cloned.ok()) << cloned;
  EXPECT_TRUE(server_.Requests().empty());
}

TEST_F(GitServiceTest, OneNodeIsTheHostOfAnother) {
  FillSmall(server_.Create("a/small"));
  Mount();
  Daemon second;
  second.AddHost("test", Address() + "/test/{owner}/{name}.git");
  ASSERT_TRUE(second.Start());
  AddWorktree(server_.Path("a/small"), scratch_ / "expected", "main");
  const Comparison comparison = CompareTrees(scratch_ / "expected", second / Key("a/small"));
  EXPECT_TRUE(comparison.equal()) << comparison;
  ASSERT_TRUE(second.Warm(Key("a/small")));
  EXPECT_EQ(Git(second / Key("a/small"), {"rev-list", "--all", "--objects", "--no-object-names"}),
            Git(server_.Path("a/small"), {"rev-list", "--all", "--objects", "--no-object-names"}));
}

class GitServiceTlsTest : public GitServiceTest {
 protected:
  GitServiceTlsTest() {
    for (const char* ca : {"ca", "other-ca"}) {
      OpenSsl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
               "-nodes", "-days", "2", "-subj", std::string("/CN=") + ca, "-keyout",
               PathOf(ca, ".key"), "-out", PathOf(ca, ".crt")});
    }
    Issue("server", "ca");
    Issue("client", "ca");
    Issue("stranger", "other-ca");
    daemon_.Set("http.tls", "{ certificateFile: " + PathOf("server", ".crt") +
                                ", keyFile: " + PathOf("server", ".key") +
                                ", clientCaFile: " + PathOf("ca", ".crt") + " }");
    daemon_.Set("http.serveGit", "token");
  }

  std::string PathOf(const std::string& name, const char* suffix) const {
    return (scratch_ / (name + suffix)).string();
  }
  static void OpenSsl(Argv arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const CommandResult result = Execute(arguments);
    EXPECT_TRUE(result.ok()) << result;
  }
  void Issue(const std::string& name, const std::string& ca) const {
    OpenSsl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
             "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
             PathOf(name, ".key"), "-out", PathOf(name, ".csr")});
    OpenSsl({"x509", "-req", "-in", PathOf(name, ".csr"), "-CA", PathOf(ca, ".crt"), "-CAkey",
             PathOf(ca, ".key"), "-CAcreateserial", "-days", "2", "-copy_extensions", "copy",
             "-out", PathOf(name, ".crt")});
  }
  CommandResult CloneAs(const std::string& name, const std::string& to) {
    Argv argv = {"git"};
    if (!name.empty()) {
      argv.insert(argv.end(), {"-c", "http.sslCert=" + PathOf(name, ".crt"), "-c",
                               "http.sslKey=" + PathOf(name, ".key")});
    }
    const std::string url = "https" + Url("a/small").substr(4);
    argv.insert(argv.end(), {"clone", "-q", "--mirror", url, (scratch_ / to).string()});
    RunOptions options;
    options.environment = {"GIT_SSL_CAINFO=" + PathOf("ca", ".crt")};
    return Execute(argv, options);
  }
};

TEST_F(GitServiceTlsTest, OnlyWhoShowsACertificateOfTheAuthorityIsServed) {
  FillSmall(server_.Create("a/small"));
  Mount();
  for (const char* name : {"", "stranger"}) {
    const CommandResult refused = CloneAs(name, "refused");
    EXPECT_FALSE(refused.ok());
    EXPECT_NE(refused.err.find("403"), std::string::npos) << refused;
  }
  EXPECT_FALSE(Clone("a/small", "plain").ok()) << "without TLS";
  EXPECT_TRUE(server_.Requests().empty());
  const CommandResult client = CloneAs("client", "client");
  ASSERT_TRUE(client.ok()) << client;
  EXPECT_EQ(ContentOf(scratch_ / "client"), ContentOf(server_.Path("a/small")));
}

TEST_F(GitServiceTlsTest, ACertificateWithAnotherKeyIsToldAtTheStart) {
  Mount();
  Daemon broken;
  broken.Set("http.tls", "{ certificateFile: " + PathOf("server", ".crt") +
                             ", keyFile: " + PathOf("client", ".key") + " }");
  static_cast<void>(broken.Start());  // It may have been mounted for a moment.
  EXPECT_TRUE(WaitUntil([&] { return !broken.running(); }, std::chrono::seconds(20)));
  EXPECT_NE(broken.Log().find("are no certificate and its key"), std::string::npos) << broken.Log();
}

}  // namespace
}  // namespace reposfs::testing
