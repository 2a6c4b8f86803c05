#include "cache/origin.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

std::string UrlOf(const std::string& pattern, const RepositoryKey& key) {
  HostOptions options;
  options.url = pattern;
  const UpstreamOrigin origin({{key.host, options}});
  const std::vector<Source> sources = origin.SourcesOf(key, Wanted::kRefs);
  EXPECT_EQ(sources.size(), 1u);
  return sources.empty() ? "" : sources[0].url;
}

TEST(UpstreamOriginTest, PutsOwnerAndNameIntoTheUrl) {
  EXPECT_EQ(UrlOf("https://github.com/{owner}/{name}.git", {"github.com", "git", "git"}),
            "https://github.com/git/git.git");
  EXPECT_EQ(UrlOf("ssh://git@h/{name}/of/{owner}/{name}", {"h", "o", "n"}), "ssh://git@h/n/of/o/n");
}

TEST(UpstreamOriginTest, EncodesWhatHttpWouldMisread) {
  EXPECT_EQ(UrlOf("https://h/{owner}/{name}", {"h", "c++", "a,b~c"}), "https://h/c++/a%2Cb~c");
  EXPECT_EQ(UrlOf("http://h/{owner}/{name}", {"h", "o", "\xe6\x97\xa5"}), "http://h/o/%E6%97%A5");
}

TEST(UpstreamOriginTest, LeavesTheBytesOfOtherSchemes) {
  EXPECT_EQ(UrlOf("file:///srv/{owner}/{name}.git", {"h", "o", "\xe6\x97\xa5"}),
            "file:///srv/o/\xe6\x97\xa5.git");
}

TEST(UpstreamOriginTest, ANameIsNotATemplate) {
  EXPECT_EQ(UrlOf("file:///{owner}/{name}", {"h", "{name}", "n"}), "file:///n/n")
      << "braces are not plausible in a name, so this can't happen";
}

TEST(UpstreamOriginTest, KnowsTheHostsOfTheConfigurationOnly) {
  const UpstreamOrigin origin({{"a", HostOptions{}}, {"b", HostOptions{}}});
  EXPECT_EQ(origin.Hosts(), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(origin.HostOf("a"));
  EXPECT_FALSE(origin.HostOf("c"));
  EXPECT_TRUE(origin.SourcesOf({"c", "o", "n"}, Wanted::kRefs).empty());
}

}  // namespace
}  // namespace reposfs
