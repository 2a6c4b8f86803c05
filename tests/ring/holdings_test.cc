#include "ring/holdings.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

Holding At(int stage) {
  Holding holding;
  holding.stage = stage;
  return holding;
}

HoldingsPage SomePage() {
  HoldingsPage page;
  page.epoch = "7";
  page.revision = 12;
  page.whole = true;
  page.holdings["h/o/a"] = Holding{3, "abc", FromMs(1'000), FromMs(2'000), 4'096};
  page.holdings["h/o/\xff"] = Holding{1, "", FromMs(0), FromMs(0), 0};
  return page;
}

TEST(HoldingsTest, WhatIsWrittenIsRead) {
  HoldingsPage page = SomePage();
  page.holdings.erase("h/o/\xff");
  const auto read = HoldingsFromJson(HoldingsToJson(page));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->epoch, "7");
  EXPECT_EQ(read->revision, 12);
  EXPECT_TRUE(read->whole);
  EXPECT_EQ(read->holdings, page.holdings);
}

TEST(HoldingsTest, BytesThatAreNoTextDoNotStopTheOthers) {
  const auto read = HoldingsFromJson(HoldingsToJson(SomePage()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->holdings.contains("h/o/a"));
}

TEST(HoldingsTest, WhatIsNoPageIsRefused) {
  for (const char* text :
       {"", "null", "[]", "{", "{}", R"({"epoch":"1","revision":1,"whole":true})",
        R"({"epoch":"","revision":1,"whole":true,"repositories":[]})",
        R"({"epoch":"1","revision":-1,"whole":true,"repositories":[]})",
        R"({"epoch":"1","revision":1,"whole":1,"repositories":[]})",
        R"({"epoch":"1","revision":1,"whole":true,"repositories":{}})",
        R"({"epoch":"1","revision":1,"whole":true,"repositories":[1]})",
        R"({"epoch":"1","revision":1,"whole":true,"repositories":[{"key":"k"}]})",
        R"({"epoch":"1","revision":1,"whole":true,"repositories":[{"key":"k","stage":1000,"head":"",
            "checkedAt":1,"openedAt":1,"bytes":1}]})",
        R"({"epoch":"1","revision":1,"whole":true,"repositories":[{"key":"k","stage":1.5,"head":"",
            "checkedAt":1,"openedAt":1,"bytes":1}]})"}) {
    const auto read = HoldingsFromJson(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Errc::kCorrupt) << text;
  }
}

TEST(HoldingsTest, ChangesAreMergedAndAWholePageReplaces) {
  Holdings known = {{"h/o/a", At(1)}, {"h/o/b", At(2)}};
  HoldingsPage changes;
  changes.holdings = {{"h/o/a", At(3)}, {"h/o/b", At(0)}, {"h/o/c", At(1)}};
  Merge(changes, known);
  EXPECT_EQ(known, (Holdings{{"h/o/a", At(3)}, {"h/o/c", At(1)}}));
  changes.whole = true;
  changes.holdings = {{"h/o/d", At(1)}};
  Merge(changes, known);
  EXPECT_EQ(known, (Holdings{{"h/o/d", At(1)}}));
}

}  // namespace
}  // namespace reposfs
