#include "cache/http_settings.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace reposfs {
namespace {

using std::string_literals::operator""s;

TEST(GitSettingsTest, AreReadWithAndWithoutValues) {
  const GitSettings expected = {{"http.proxy", "http://p:1\nsecond line"},
                                {"http.sslverify", "true"}};
  EXPECT_EQ(ParseGitSettings("http.proxy\nhttp://p:1\nsecond line\0http.sslverify\0"s), expected);
  EXPECT_TRUE(ParseGitSettings("").empty());
}

TEST(HttpSettingsTest, WithoutSettingsServersAreVerified) {
  const auto settings = ParseHttpSettings({});
  ASSERT_TRUE(settings);
  EXPECT_TRUE(settings->verify);
  EXPECT_FALSE(settings->proxy);
}

TEST(HttpSettingsTest, FollowsWhatTheUserHasSet) {
  ::unsetenv("GIT_SSL_CAINFO");  // It would win, as it does for git.
  const auto settings = ParseHttpSettings({{"http.extraheader", "A: 1"},
                                           {"http.extraheader", "B: 2"},
                                           {"http.proxy", "http://proxy:3128"},
                                           {"http.sslverify", "false"},
                                           {"http.sslcainfo", "/etc/ca.pem"},
                                           {"http.useragent", "me"},
                                           {"http.lowspeedlimit", "1"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->extra_headers, (std::vector<std::string>{"A: 1", "B: 2"}));
  EXPECT_EQ(settings->proxy, "http://proxy:3128");
  EXPECT_FALSE(settings->verify);
  EXPECT_EQ(settings->ca_file, "/etc/ca.pem");
  EXPECT_EQ(settings->user_agent, "me");
}

TEST(HttpSettingsTest, AnEmptyHeaderForgetsThoseBefore) {
  const auto settings = ParseHttpSettings(
      {{"http.extraheader", "A: 1"}, {"http.extraheader", ""}, {"http.extraheader", "B: 2"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->extra_headers, std::vector<std::string>{"B: 2"});
}

TEST(HttpSettingsTest, WhatWeCanNotFollowIsLeftToGit) {
  for (const GitSettings& settings :
       {GitSettings{{"http.cookiefile", "/c"}}, GitSettings{{"http.sslversion", "tlsv1.3"}},
        GitSettings{{"http.emptyauth", "true"}}, GitSettings{{"http.unheardof", "1"}},
        GitSettings{{"http.sslcainfo", "~other/ca.pem"}},
        GitSettings{{"http.proxy", "http://user@proxy:1"}},
        GitSettings{{"http.proxy", "http://p:1"}, {"http.proxyauthmethod", "ntlm"}}}) {
    const auto parsed = ParseHttpSettings(settings);
    ASSERT_FALSE(parsed) << settings[0].first;
    EXPECT_EQ(parsed.error().code, Errc::kUnsupported);
  }
}

TEST(HttpSettingsTest, HarmlessFormsOfThoseAreFine) {
  EXPECT_TRUE(ParseHttpSettings({{"http.emptyauth", "false"}}));
  EXPECT_TRUE(ParseHttpSettings({{"http.proxy", "http://user:secret@proxy:1"}}));
  EXPECT_TRUE(ParseHttpSettings({{"http.proxy", ""}}));
}

}  // namespace
}  // namespace reposfs
