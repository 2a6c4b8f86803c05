#include "cache/repository_key.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

TEST(RepositoryKeyTest, HasThreeParts) {
  const auto key = ParseRepositoryKey("github.com/git/git");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->host, "github.com");
  EXPECT_EQ(key->owner, "git");
  EXPECT_EQ(key->name, "git");
  EXPECT_EQ(key->Text(), "github.com/git/git");
}

TEST(RepositoryKeyTest, AnythingElseIsRefused) {
  for (const char* text : {"", "github.com", "github.com/git", "github.com/git/git/", "/git/git",
                           "github.com//git", "github.com/git/git/x", "github.com/../git",
                           "github.com/git/..", "-x/git/git", "github.com/-x/git"}) {
    const auto key = ParseRepositoryKey(text);
    ASSERT_FALSE(key) << text;
    EXPECT_EQ(key.error().code, Errc::kInvalidArgument);
  }
}

TEST(RepositoryKeyTest, ARefusalCanBeShownOnATerminal) {
  const auto key = ParseRepositoryKey("\x1b[31m");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().message.find('\x1b'), std::string::npos);
}

TEST(RepositoryKeyTest, RealNamesArePlausible) {
  for (const char* name : {"git", ".github", "a.b", "x_y", "c++", "node.js", "1", "~user", "a-b",
                           "\xe6\x97\xa5\xe6\x9c\xac", "repo.git", "(x)", "a,b", "a=b"}) {
    EXPECT_TRUE(IsPlausibleName(name)) << name;
  }
  EXPECT_TRUE(IsPlausibleName(std::string(255, 'n')));
}

TEST(RepositoryKeyTest, NamesThatNoHostCouldHaveAreNot) {
  for (const char* name : {"",         ".",       "..",   "-rf",     "--upload-pack=x",
                           "a b",      "a/b",     "a\\b", "a:b",     "a*",
                           "a?",       "a\"b",    "<a",   "a>",      "a|b",
                           "a#b",      "a%2Fb",   "a&b",  "a^b",     "a[b",
                           "a]",       "{owner}", "a$b",  "a`b",     "a'b",
                           "a!",       "a;b",     "a@b",  "a\nb",    "a\tb",
                           "\x1b[31m", "a\x7f",   "\xff", "\xe6\x97"}) {
    EXPECT_FALSE(IsPlausibleName(name)) << name;
  }
  EXPECT_FALSE(IsPlausibleName(std::string(256, 'n')));
  EXPECT_FALSE(IsPlausibleName(std::string_view("a\0b", 3)));
}

TEST(RepositoryKeyTest, AnOwnerHasNoLeadingDot) {
  EXPECT_FALSE(IsPlausibleOwner(".github"));
  EXPECT_FALSE(IsPlausibleOwner(".git"));
  EXPECT_FALSE(IsPlausibleOwner(""));
  EXPECT_TRUE(IsPlausibleOwner("git.hub"));
}

}  // namespace
}  // namespace reposfs
