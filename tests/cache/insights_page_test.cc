#include "cache/insights_page.h"

#include <gtest/gtest.h>

#include "cache/html_text.h"
#include "cache/insights_json.h"

namespace reposfs {
namespace {

constexpr char kEvil[] =
    "<script>alert(1)</script>\"'&\x1b[31m\n\xe2\x80\xae"
    "evil\xff";

Insights Hostile() {
  Insights insights;
  insights.key = std::string("h/o/") + kEvil;
  insights.commit = std::string(40, 'a');
  insights.stage = "complete";
  insights.history_state = kEvil;
  HistoryInsights history;
  history.commit_count = 2;
  history.weeks.commits = {1, 0, 1};
  history.weeks.added = {5, 0, 1};
  history.weeks.deleted = {0, 0, 9};
  history.author_count = 1;
  history.authors = {AuthorInsight{kEvil, kEvil, 2, 6, 9, 0, INT64_MAX}};
  history.files = {FileInsight{kEvil, 2, 6, 9, false}};
  history.pairs = {PairInsight{kEvil, kEvil, 2}};
  history.releases = {Release{kEvil, std::string(40, 'a'), -1, false}};
  insights.history = history;
  TipInsights tip;
  tip.languages = {LanguageInsight{kEvil, 10, 1}};
  tip.license = kEvil;
  tip.license_file = kEvil;
  insights.tip = tip;
  return insights;
}

TEST(InsightsPageTest, WhatOthersWroteIsTextWhateverItSays) {
  const std::string page = InsightsPage(Hostile());
  EXPECT_EQ(page.find("<script"), std::string::npos);
  for (const char* raw : {"\x1b", "\xe2\x80\xae", "\xff", "alert(1)<"}) {
    EXPECT_EQ(page.find(raw), std::string::npos);
  }
  EXPECT_NE(page.find("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\x1b[31m\\x0a"),
            std::string::npos);
}

TEST(InsightsPageTest, NothingIsLoadedFromElsewhere) {
  const std::string page = InsightsPage(Hostile());
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  for (const char* loads : {"src=", "href=", "url(", "@import", "http://", "https://"}) {
    EXPECT_EQ(page.find(loads), std::string::npos) << loads;
  }
}

TEST(InsightsPageTest, WithoutAHistoryItSaysSo) {
  Insights insights;
  insights.key = "h/o/n";
  EXPECT_NE(InsightsPage(insights).find("not here yet"), std::string::npos);
  insights.history_state = "none";
  EXPECT_NE(InsightsPage(insights).find("<code>history: none</code>"), std::string::npos);
}

TEST(InsightsPageTest, AnEmptyHistoryIsNoTrouble) {
  Insights insights;
  insights.history = HistoryInsights{};
  insights.tip = TipInsights{};
  EXPECT_NE(InsightsPage(insights).find("</html>"), std::string::npos);
  EXPECT_NE(InsightsJson(insights).find("\"total\": 0"), std::string::npos);
}

TEST(HtmlTextTest, NumbersAreGroupedAndBytesShort) {
  EXPECT_EQ(GroupedNumber(0), "0");
  EXPECT_EQ(GroupedNumber(999), "999");
  EXPECT_EQ(GroupedNumber(-1234567), "-1,234,567");
  EXPECT_EQ(ShortBytes(999), "999 B");
  EXPECT_EQ(ShortBytes(1'540'000), "1.5 MB");
  EXPECT_EQ(ShortBytes(999'900), "1.0 MB");
}

TEST(InsightsJsonTest, TimesBeyondTheYear9999AreNull) {
  EXPECT_EQ(TimeText(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(TimeText(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(TimeText(INT64_MIN), "");
  EXPECT_EQ(TimeText(INT64_MAX), "");
}

}  // namespace
}  // namespace reposfs
