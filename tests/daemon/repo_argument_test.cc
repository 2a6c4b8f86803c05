#include "daemon/repo_argument.h"

#include <gtest/gtest.h>

#include "daemon/config_hosts.h"
#include "daemon/mount_table.h"

namespace reposfs {
namespace {

class RepoArgumentTest : public testing::Test {
 protected:
  RepoArgumentTest() {
    context_.current_directory = "/home/ann";
    context_.mountpoints = {"/repos", "/srv/deep/repos"};
    context_.hosts = BuiltInHosts();
    context_.hosts["mirror"].url = "file:///srv/git/{owner}/{name}.git";
    context_.hosts["local"].url = "http://127.0.0.1:8080/{owner}/{name}";
  }

  // The key, or "refused".
  std::string Key(std::string_view argument) const {
    const auto key = ParseRepoArgument(argument, context_);
    return key ? key.value() : "refused";
  }

  RepoContext context_;
};

TEST_F(RepoArgumentTest, AKeyIsItself) {
  EXPECT_EQ(Key("github.com/git/git"), "github.com/git/git");
  EXPECT_EQ(Key("GitHub.com/Git/Git"), "github.com/Git/Git");
  EXPECT_EQ(Key("github.com/git/git@v2.40.0"), "github.com/git/git");
  EXPECT_EQ(Key("github.com/git/git.git"), "github.com/git/git");
  EXPECT_EQ(Key("unknown.example.org/a/b"), "unknown.example.org/a/b") << "the daemon says why not";
}

TEST_F(RepoArgumentTest, UrlsOfEverySchemeMeanTheSameRepository) {
  for (const char* url :
       {"https://github.com/git/git", "https://github.com/git/git.git",
        "https://github.com/git/git/", "http://github.com/git/git", "ssh://git@github.com/git/git",
        "git@github.com:git/git.git", "git@github.com:git/git", "https://GitHub.com/git/git",
        "https://ann:s3cret@github.com/git/git", "git://github.com/git/git.git"}) {
    EXPECT_EQ(Key(url), "github.com/git/git") << url;
  }
}

TEST_F(RepoArgumentTest, UrlsOfABrowserAreUnderstood) {
  EXPECT_EQ(Key("https://github.com/git/git/tree/master/Documentation"), "github.com/git/git");
  EXPECT_EQ(Key("https://gitlab.com/a/b/-/issues?x=/y#z"), "gitlab.com/a/b");
  EXPECT_EQ(Key("https://gitlab.com/group/sub/project"), "refused") << "not group/sub";
}

TEST_F(RepoArgumentTest, UrlsAreMatchedWithTheTemplatesOfTheHosts) {
  EXPECT_EQ(Key("https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git"),
            "git.kernel.org/torvalds/linux");
  EXPECT_EQ(Key("file:///srv/git/ann/tools.git"), "mirror/ann/tools");
  EXPECT_EQ(Key("http://127.0.0.1:8080/ann/tools"), "local/ann/tools");
  EXPECT_EQ(Key("https://git.sr.ht/~ann/tools"), "git.sr.ht/~ann/tools");
}

TEST_F(RepoArgumentTest, AUrlOfNoConfiguredHostIsRefused) {
  const auto key = ParseRepoArgument("https://nowhere.example.org/a/b", context_);
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().message.find("hosts:"), std::string::npos);
}

TEST_F(RepoArgumentTest, PathsInsideAMountNameTheirRepository) {
  EXPECT_EQ(Key("/repos/github.com/git/git"), "github.com/git/git");
  EXPECT_EQ(Key("/repos/github.com/git/git@v2.40.0/Documentation/git.txt"), "github.com/git/git");
  EXPECT_EQ(Key("/repos/github.com/git/git/../../git/./git/"), "github.com/git/git");
  EXPECT_EQ(Key("/srv/deep/repos/github.com/git/git"), "github.com/git/git");
}

TEST_F(RepoArgumentTest, RelativePathsStartAtTheCurrentDirectory) {
  context_.current_directory = "/repos/github.com/git/git/Documentation";
  EXPECT_EQ(Key("."), "github.com/git/git");
  EXPECT_EQ(Key(".."), "github.com/git/git");
  EXPECT_EQ(Key("../../../torvalds/linux"), "github.com/torvalds/linux");
  EXPECT_EQ(Key("gitlab.com/a/b"), "gitlab.com/a/b") << "a key stays a key";
  context_.current_directory = "/repos/github.com";
  EXPECT_EQ(Key("git/git"), "github.com/git/git");
  EXPECT_EQ(Key("git"), "refused");
  EXPECT_EQ(Key("."), "refused");
}

TEST_F(RepoArgumentTest, WhatNamesNoRepositoryIsRefused) {
  for (const char* text :
       {"", "git", "github.com/git", "github.com//git", "github.com/../git", "/tmp/x", "/repos",
        "/repository/a/b/c", "./git/git", "a/b/c/d", "github.com/git/@v1", "https://github.com",
        "https://github.com/git", "https://", "://", "git@github.com:"}) {
    EXPECT_EQ(Key(text), "refused") << text;
  }
}

TEST_F(RepoArgumentTest, ARefusalShowsNoControlCharacters) {
  const auto key = ParseRepoArgument("\x1b[2Jgit", context_);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().message.find('\x1b'), std::string::npos);
}

TEST(MountTableTest, FindsMountsOfReposfsAndDecodesTheirNames) {
  const auto entries = ParseMountTable(
      "proc /proc proc rw 0 0\n"
      "reposfs /my\\040repos fuse.reposfs ro,nosuid 0 0\n"
      "sshfs /s fuse.sshfs rw 0 0\n"
      "nonsense\n");
  ASSERT_EQ(entries.size(), 3u);
  const auto mountpoints = ReposfsMountpoints(entries);
  ASSERT_EQ(mountpoints.size(), 1u);
  EXPECT_EQ(mountpoints[0], "/my repos");
}

TEST(MountTableTest, ThePathOfAMountIsNoPrefixOfText) {
  const std::vector<std::filesystem::path> mountpoints = {"/repos/inner", "/repos"};
  EXPECT_EQ(MountpointOf("/repos/x", mountpoints), "/repos");
  EXPECT_EQ(MountpointOf("/repos", mountpoints), "/repos");
  EXPECT_EQ(MountpointOf("/repos/inner/x", mountpoints), "/repos/inner");
  EXPECT_EQ(MountpointOf("/repository", mountpoints), std::nullopt);
  EXPECT_EQ(NormalPath("../b/./c/", "/a/x"), "/a/b/c");
  EXPECT_EQ(NormalPath("/", "/a"), "/");
}

}  // namespace
}  // namespace reposfs
