// Languages by name, licenses by phrase, releases by tag, weeks by date.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file_util.h"
#include "cache/languages.h"
#include "cache/license.h"
#include "cache/releases.h"
#include "cache/week_counter.h"

namespace reposfs {
namespace {

constexpr std::int64_t kWeek = 7 * 86'400;
constexpr std::int64_t kMonday = 1'699'833'600;  // 2023-11-13

TEST(LanguagesTest, AreKnownByEndingOrName) {
  EXPECT_EQ(LanguageOf("src/main.cc"), "C++");
  EXPECT_EQ(LanguageOf("A/B.RS"), "Rust");
  EXPECT_EQ(LanguageOf("x/Makefile"), "Makefile");
  EXPECT_EQ(LanguageOf("Makefile.am"), "Makefile");
  EXPECT_EQ(LanguageOf("CMakeLists.txt"), "CMake");
  EXPECT_EQ(LanguageOf("Kconfig.debug"), "Kconfig");
}

TEST(LanguagesTest, OtherFilesHaveNone) {
  for (const char* path : {"logo.png", "README", "a.c/data", ".gitignore", "", "/", "x."}) {
    EXPECT_EQ(LanguageOf(path), "") << path;
  }
  EXPECT_EQ(LanguageOf(std::string(100'000, 'x') + ".py"), "Python");
}

TEST(LicenseTest, ATagGoesBeforeTheText) {
  EXPECT_EQ(LicenseOf("// SPDX-License-Identifier: MIT OR Apache-2.0 \nApache License"),
            "MIT OR Apache-2.0");
  EXPECT_EQ(LicenseOf("SPDX-License-Identifier: <script>\n"), "");
}

TEST(LicenseTest, TextsAreKnownHoweverTheirLinesAreBroken) {
  EXPECT_EQ(LicenseOf("GNU GENERAL  PUBLIC\n LICENSE\n Version 2, June\t1991"), "GPL-2.0-only");
  EXPECT_EQ(
      LicenseOf("Permission is hereby granted, free of charge, to any person obtaining a copy\n"
                "of this software ... The above copyright notice and this permission notice"),
      "MIT");
  EXPECT_EQ(LicenseOf("Redistribution and use in source and binary forms, with or without"),
            "BSD-2-Clause");
  EXPECT_EQ(LicenseOf("All rights reserved."), "");
}

TEST(LicenseTest, WholeTextsAreToldApart) {
  const std::filesystem::path texts = "/usr/share/common-licenses";
  if (!std::filesystem::exists(texts)) GTEST_SKIP() << "*** SKIPPED: no Debian, no texts ***";
  const auto read = [&](const char* name) {
    auto text = ReadFile(texts / name);
    return text ? *text : std::string();
  };
  EXPECT_EQ(LicenseOf(read("GPL-2")), "GPL-2.0-only");
  EXPECT_EQ(LicenseOf(read("GPL-3")), "GPL-3.0-only") << "it names the AGPL";
  EXPECT_EQ(LicenseOf(read("LGPL-2.1")), "LGPL-2.1-only");
  EXPECT_EQ(LicenseOf(read("LGPL-3")), "LGPL-3.0-only");
  EXPECT_EQ(LicenseOf(read("Apache-2.0")), "Apache-2.0");
  EXPECT_EQ(LicenseOf(read("MPL-2.0")), "MPL-2.0");
  EXPECT_EQ(LicenseOf(read("CC0-1.0")), "CC0-1.0");
  EXPECT_EQ(LicenseOf(read("GPL-2") + read("LGPL-2.1")), "GPL-2.0-only")
      << "what comes first is the project's own";
}

TEST(LicenseTest, FilesAreRankedByName) {
  EXPECT_GT(LicenseRank("LICENSE"), LicenseRank("COPYING.LESSER"));
  EXPECT_GT(LicenseRank("LICENSE.md"), 0);
  EXPECT_EQ(LicenseRank("licenses.cc"), 0);
  EXPECT_EQ(LicenseRank("main.c"), 0);
}

TEST(ReleasesTest, PrereleasesAreToldApart) {
  for (const char* tag :
       {"v1.0-rc1", "1.0rc2", "2.0.0-beta.3", "v3-alpha", "1.0.dev1", "0.1-pre"}) {
    EXPECT_TRUE(LooksLikePrerelease(tag)) << tag;
  }
  for (const char* tag : {"v1.0", "arch-2.0", "source-1", "search1.0", "2024.01"}) {
    EXPECT_FALSE(LooksLikePrerelease(tag)) << tag;
  }
  EXPECT_FALSE(LooksLikeRelease("stable"));
}

TEST(ReleasesTest, TheCadenceIsTheMedianOfDaysBetweenDaysWithARelease) {
  const auto at = [](std::int64_t day) { return Release{"v1", "", day * 86'400, false}; };
  EXPECT_EQ(CadenceDays({at(1)}), std::nullopt);
  EXPECT_EQ(CadenceDays({at(1), at(11), at(11), at(41)}), 20.0);
  EXPECT_EQ(CadenceDays({at(1), at(11), at(41), at(51)}), 10.0);
}

TEST(WeekCounterTest, AWeekBeginsOnMonday) {
  WeekCounter counter;
  counter.Add(kMonday - 1, 1, 0);
  counter.Add(kMonday, 2, 1);
  counter.Add(kMonday + kWeek - 1, 4, 0);
  const WeekSeries series = counter.Series(kMonday + kWeek);
  EXPECT_EQ(series.first_monday_s, kMonday - kWeek);
  EXPECT_EQ(series.commits, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(series.added, (std::vector<std::int64_t>{1, 6}));
  EXPECT_EQ(series.deleted, (std::vector<std::int64_t>{0, 1}));
}

TEST(WeekCounterTest, MisdatedCommitsDoNotStretchTheSeries) {
  WeekCounter counter;
  for (const std::int64_t time : {std::int64_t{0}, std::int64_t{-5}, kMonday + 200 * kWeek,
                                  std::int64_t{253'402'300'799}, INT64_MAX, INT64_MIN}) {
    counter.Add(time, 1, 1);
  }
  for (int i = 0; i < 200; ++i) counter.Add(kMonday, 0, 0);
  const WeekSeries series = counter.Series(kMonday + kWeek);
  EXPECT_EQ(series.first_monday_s, kMonday);
  EXPECT_EQ(series.commits, std::vector<std::int64_t>{200});
}

TEST(WeekCounterTest, WithoutCommitsThereAreNoWeeks) {
  EXPECT_TRUE(WeekCounter().Series(kMonday).commits.empty());
}

}  // namespace
}  // namespace reposfs
