// How sizes, times, tables and progress look.
#include <gtest/gtest.h>

#include "daemon/human_text.h"
#include "daemon/progress_bar.h"
#include "daemon/text_table.h"

namespace reposfs {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(HumanBytesTest, KeepsThreeDigitsThatMatter) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1024), "1.0 KiB");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes((1ull << 20) - 1), "1.0 MiB") << "not 1024 KiB";
  EXPECT_EQ(HumanBytes(100ull << 30), "100 GiB");
  EXPECT_EQ(HumanBytes(~0ull), "16.0 EiB");
}

TEST(HumanAgeTest, IsRelativeToNow) {
  const WallTime now = WallTime(hours(1000));
  EXPECT_EQ(HumanAge(now, now), "just now");
  EXPECT_EQ(HumanAge(now - seconds(12), now), "12 s ago");
  EXPECT_EQ(HumanAge(now - minutes(3), now), "3 min ago");
  EXPECT_EQ(HumanAge(now - hours(5), now), "5 h ago");
  EXPECT_EQ(HumanAge(now - hours(49), now), "2 d ago");
  EXPECT_EQ(HumanAge(now + minutes(3), now), "in 3 min");
}

TEST(ParseIso8601Test, ReadsUtcOnly) {
  EXPECT_EQ(ParseIso8601("1970-01-02T00:00:01Z"), WallTime(hours(24) + seconds(1)));
  EXPECT_EQ(ParseIso8601("1970-01-01T00:00:01.5Z"), WallTime(seconds(1)));
  EXPECT_EQ(ParseIso8601("1970-01-01"), std::nullopt);
  EXPECT_EQ(ParseIso8601("yesterday"), std::nullopt);
}

TextTable FruitTable() {
  TextTable table({{"FRUIT"}, {"PIECES", TextTable::Align::kRight}, {"NOTE"}});
  table.AddRow({"fig", "7", ""});
  table.AddRow({"grapefruit", "1234567", "sour"});
  return table;
}

TEST(TextTableTest, ColumnsAreAlignedAndLinesHaveNoTrailingSpace) {
  EXPECT_EQ(FruitTable().Render(Terminal{}),
            "FRUIT        PIECES  NOTE\n"
            "fig               7\n"
            "grapefruit  1234567  sour\n");
}

TEST(TextTableTest, ControlCharactersAreEscapedBeforeWidthsAreTaken) {
  TextTable table({{"NAME"}, {"X"}});
  table.AddRow({"a\x1b[31m\n", "1"});
  table.AddRow({"b", "2"});
  EXPECT_EQ(table.Render(Terminal{}),
            "NAME           X\n"
            "a\\x1b[31m\\x0a  1\n"
            "b              2\n");
}

TEST(TextTableTest, AccentsCountAsOneColumn) {
  TextTable table({{"N"}, {"X"}});
  table.AddRow({"\u00e9\u00e9", "1"});
  table.AddRow({"ab", "2"});
  EXPECT_EQ(table.Render(Terminal{}), "N   X\n\u00e9\u00e9  1\nab  2\n");
}

TEST(TextTableTest, ColoursAppearOnlyWhereThereAreAny) {
  TextTable table({{"N"}});
  table.AddRow({{"bad", Colour::kRed}});
  Terminal terminal;
  EXPECT_EQ(table.Render(terminal).find('\x1b'), std::string::npos);
  terminal.has_colours = true;
  EXPECT_NE(table.Render(terminal).find("\x1b[31mbad\x1b[0m"), std::string::npos);
}

WarmProgress HalfDone() {
  WarmProgress progress;
  progress.key = "github.com/git/git";
  progress.activity = "content";
  progress.received_bytes = 3ull << 19;
  progress.bytes_per_second = 400ull << 10;
  progress.objects = 50;
  progress.objects_total = 100;
  return progress;
}

TEST(ProgressBarTest, ShowsKeyStagePercentBytesAndRate) {
  EXPECT_EQ(RenderProgressBar(HalfDone(), 80),
            "github.com/git/git  content   [#########.........]   50%    1.5 MiB    400 KiB/s");
  EXPECT_EQ(RenderProgressLine(HalfDone()), "github.com/git/git: content 50%, 1.5 MiB, 400 KiB/s");
}

TEST(ProgressBarTest, NeverIsWiderThanTheTerminal) {
  WarmProgress progress = HalfDone();
  progress.key = "git.example.org/" + std::string(200, 'o') + "/name";
  for (std::size_t width = 0; width < 300; ++width) {
    EXPECT_LE(ColumnCount(RenderProgressBar(progress, width)), width) << width;
  }
  EXPECT_NE(RenderProgressBar(progress, 80).find("oo/name  content"), std::string::npos)
      << "the end of the key should be kept";
}

TEST(ProgressBarTest, WithoutATotalThereIsNoPercentage) {
  WarmProgress progress = HalfDone();
  progress.objects_total = 0;
  EXPECT_EQ(RenderProgressBar(progress, 80).find('%'), std::string::npos);
  EXPECT_EQ(RenderProgressLine(progress), "github.com/git/git: content, 1.5 MiB, 400 KiB/s");
}

TEST(ProgressBarTest, NeverExceedsAHundredPercent) {
  WarmProgress progress = HalfDone();
  progress.objects = 250;
  EXPECT_EQ(progress.percent(), 100);
  EXPECT_NE(RenderProgressBar(progress, 80).find("################]  100%"), std::string::npos);
}

TEST(ProgressBarTest, NamesAreEscaped) {
  WarmProgress progress = HalfDone();
  progress.key = "h/o/\x1b[2J";
  EXPECT_EQ(RenderProgressBar(progress, 80).find('\x1b'), std::string::npos);
  EXPECT_EQ(RenderProgressLine(progress).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace reposfs
