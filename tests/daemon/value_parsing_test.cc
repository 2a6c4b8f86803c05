#include "daemon/value_parsing.h"

#include <gtest/gtest.h>

#include "daemon/nearest_word.h"

namespace reposfs {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

milliseconds Duration(const char* text) {
  const auto parsed = ParseDuration(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? parsed.value() : milliseconds(-1);
}

std::uint64_t Size(const char* text) {
  const auto parsed = ParseSize(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? parsed.value() : 0;
}

TEST(ParseDurationTest, ReadsEveryUnit) {
  EXPECT_EQ(Duration("250ms"), milliseconds(250));
  EXPECT_EQ(Duration("10s"), seconds(10));
  EXPECT_EQ(Duration("2m"), minutes(2));
  EXPECT_EQ(Duration("8h"), hours(8));
  EXPECT_EQ(Duration("7d"), hours(7 * 24));
  EXPECT_EQ(Duration("1.5h"), minutes(90));
  EXPECT_EQ(Duration(" 10 s "), seconds(10));
  EXPECT_EQ(Duration("0"), milliseconds(0));
}

TEST(ParseDurationTest, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "10", "s", "-1s", "10 parsecs", "1e3s", "10S", "1s2", "nan",
                           "99999999999999999999d", "40000d", "0x10s"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
  EXPECT_NE(ParseDuration("10").error().message.find("10s"), std::string::npos);
}

TEST(ParseSizeTest, TellsPowersOf1024From1000) {
  EXPECT_EQ(Size("1KiB"), 1024u);
  EXPECT_EQ(Size("1kB"), 1000u);
  EXPECT_EQ(Size("100GiB"), 100ull << 30);
  EXPECT_EQ(Size("5MB"), 5'000'000u);
  EXPECT_EQ(Size("1.5GiB"), 3ull << 29);
  EXPECT_EQ(Size("4096"), 4096u);
  EXPECT_EQ(Size("2T"), 2ull << 40);
}

TEST(ParseSizeTest, RefusesWhatIsNoSize) {
  for (const char* text : {"", "GiB", "-5MB", "5XB", "5 M B", "99999999999999999999", "1e9"}) {
    EXPECT_FALSE(ParseSize(text)) << text;
  }
}

TEST(ParseQuotaTest, IsASizeOrAShareOfTheFileSystem) {
  EXPECT_EQ(ParseQuota("80%").value().percent, 80);
  EXPECT_EQ(ParseQuota("80% of the file system").value().percent, 80);
  EXPECT_EQ(ParseQuota("5MB").value().bytes, 5'000'000u);
  EXPECT_FALSE(ParseQuota("5MB").value().percent);
}

TEST(ParseQuotaTest, RefusesNothingAndMoreThanThereIs) {
  for (const char* text : {"0", "0GiB", "0%", "101%", "-1%", "50% of the moon", "%", "all"}) {
    EXPECT_FALSE(ParseQuota(text)) << text;
  }
}

TEST(FormatTest, WhatIsWrittenIsReadBack) {
  for (const milliseconds value :
       {milliseconds(0), milliseconds(250), milliseconds(1500), milliseconds(60'000),
        milliseconds(hours(8)), milliseconds(hours(24 * 7))}) {
    EXPECT_EQ(Duration(FormatDuration(value).c_str()), value);
  }
  for (const std::uint64_t value : {0ull, 1ull, 1000ull, 1024ull, 5'000'000ull, 100ull << 30}) {
    EXPECT_EQ(Size(FormatSize(value).c_str()), value);
  }
  EXPECT_EQ(FormatDuration(seconds(60)), "1m");
  EXPECT_EQ(FormatSize(100ull << 30), "100GiB");
}

TEST(ParseIntegerTest, KeepsToItsRange) {
  EXPECT_EQ(ParseInteger("7", {1, 9}).value(), 7);
  for (const char* text : {"0", "10", "", "7x", "+7", "7.0", "99999999999999999999"}) {
    EXPECT_FALSE(ParseInteger(text, {1, 9})) << text;
  }
}

TEST(NearestWordTest, FindsTheWordThatWasMeant) {
  const std::vector<std::string> words = {"cache.quota", "cache.directory", "history"};
  EXPECT_EQ(NearestWord("cache.qouta", words), "cache.quota");
  EXPECT_EQ(NearestWord("CACHE.QUOTA", words), "cache.quota");
  EXPECT_EQ(NearestWord("histroy", words), "history");
  EXPECT_EQ(NearestWord("kubernetes", words), std::nullopt);
}

TEST(NearestWordTest, CountsASwapAsOneEdit) {
  EXPECT_EQ(EditDistance("qouta", "quota"), 1u);
  EXPECT_EQ(EditDistance("", "four"), 4u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace reposfs
