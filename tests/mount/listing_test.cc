// The directories above the repositories: what is listed, what is looked up, and how names are
// spelled.

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

// The kernel is told of new names by a thread of its own.
constexpr auto kSoon = std::chrono::seconds(1);

class ListingTest : public MountTest {
 protected:
  using Names = std::vector<std::string>;
};

TEST_F(ListingTest, TheRootListsConfiguredHosts) {
  daemon_.AddHost("another.example.org", "https://another.example.org/{owner}/{name}.git");
  Mount();
  const Names names = List(daemon_.mountpoint());
  EXPECT_TRUE(std::find(names.begin(), names.end(), "test") != names.end());
  EXPECT_TRUE(std::find(names.begin(), names.end(), "another.example.org") != names.end());
}

TEST_F(ListingTest, OnlyWhatIsCachedIsListed) {
  FillSmall(server_.Create("a/one"));
  FillSmall(server_.Create("a/two"));
  FillSmall(server_.Create("b/three"));
  Mount();
  EXPECT_EQ(List(daemon_ / "test"), Names{});
  ASSERT_EQ(ErrnoOfList(Path("a/one")), 0);
  ASSERT_EQ(ErrnoOfList(Path("b/three")), 0);
  EXPECT_TRUE(WaitUntil([&] { return List(daemon_ / "test") == Names{"a", "b"}; }, kSoon));
  EXPECT_TRUE(WaitUntil([&] { return List(daemon_ / "test/a") == Names{"one"}; }, kSoon));
}

TEST_F(ListingTest, ListingNeverAsksTheHost) {
  FillSmall(server_.Create("a/one"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/one")));
  server_.ForgetRequests();
  EXPECT_TRUE(Execute({"ls", "-la", daemon_.mountpoint().string()}).ok());
  EXPECT_TRUE(Execute({"ls", "-la", (daemon_ / "test").string()}).ok());
  EXPECT_TRUE(Execute({"ls", "-la", (daemon_ / "test/a").string()}).ok());
  EXPECT_TRUE(Execute({"ls", (daemon_ / "test/unknown-owner").string()}).status >= 0);
  EXPECT_TRUE(server_.Requests().empty());
}

TEST_F(ListingTest, AWalkOverTheMountFetchesNothing) {
  FillSmall(server_.Create("a/one"));
  FillSmall(server_.Create("a/two"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/one")));
  server_.ForgetRequests();
  EXPECT_TRUE(Execute({"find", daemon_.mountpoint().string(), "-maxdepth", "4"}).ok());
  EXPECT_TRUE(server_.Fetches().empty());
}

TEST_F(ListingTest, OnACaseInsensitiveHostOtherSpellingsAreLinks) {
  FillSmall(server_.Create("owner/name"));
  daemon_.AddHost("forge", server_.UrlTemplate(), ", caseInsensitive: true");
  Mount();
  const auto canonical = std::filesystem::canonical(daemon_ / "forge/owner/name");
  EXPECT_EQ(std::filesystem::canonical(daemon_ / "forge/Owner/NAME"), canonical);
  EXPECT_EQ(std::filesystem::canonical(daemon_ / "forge/owner/Name"), canonical);
  EXPECT_EQ(std::filesystem::read_symlink(daemon_ / "forge/owner/Name"), "name");
  EXPECT_EQ(ReadFile(daemon_ / "forge/Owner/Name/README.md"), "hello\n");
  EXPECT_EQ(daemon_.CachedKeys(), std::vector<std::string>{"forge/owner/name"});
}

TEST_F(ListingTest, OnACaseSensitiveHostSpellingsAreDifferentRepositories) {
  FillWith(server_.Create("owner/Name"), "upper\n");
  FillWith(server_.Create("owner/name"), "lower\n");
  Mount();
  EXPECT_EQ(ReadFile(Path("owner/Name") / "file"), "upper\n");
  EXPECT_EQ(ReadFile(Path("owner/name") / "file"), "lower\n");
}

TEST_F(ListingTest, UnmountingAndMountingAgainKeepsInodesAndTimes) {
  FillSmall(server_.Create("a/one"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/one")));
  const Argv list = {"find",
                     Path("a/one").string(),
                     "-name",
                     ".git",
                     "-prune",
                     "-o",
                     "-not",
                     "-name",
                     ".insights*",
                     "-printf",
                     "%i %T@ %s %m %p\n"};
  const std::string before = Output(list);
  ASSERT_TRUE(daemon_.Restart());
  EXPECT_EQ(Output(list), before);
}

}  // namespace
}  // namespace reposfs::testing
