#include "base/text.h"

#include <gtest/gtest.h>

#include <random>

namespace reposfs {
namespace {

TEST(PrintableTest, LeavesTextAsItIs) {
  EXPECT_EQ(Printable("plain ~ text"), "plain ~ text");
  EXPECT_EQ(Printable("\xe6\x97\xa5\xe6\x9c\xac"), "\xe6\x97\xa5\xe6\x9c\xac");
  EXPECT_EQ(Printable("\xf0\x9f\x90\x99"), "\xf0\x9f\x90\x99");
  EXPECT_EQ(Printable(""), "");
}

TEST(PrintableTest, EscapesWhatSteersATerminal) {
  EXPECT_EQ(Printable("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(Printable("a\nb\tc\x7f"), "a\\x0ab\\x09c\\x7f");
  EXPECT_EQ(Printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(Printable("\xc2\x9b"), "\\xc2\\x9b") << "CSI as one character, of the C1 block";
}

TEST(PrintableTest, EscapesWhatTurnsTheDirectionOfText) {
  EXPECT_EQ(Printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");
  EXPECT_EQ(Printable("\xe2\x81\xa6"), "\\xe2\\x81\\xa6");
}

TEST(PrintableTest, EscapesWhatIsNotUtf8) {
  EXPECT_EQ(Printable("\xff"), "\\xff");
  EXPECT_EQ(Printable("\xe9t\xe9"), "\\xe9t\\xe9");
  EXPECT_EQ(Printable("\xe6\x97"), "\\xe6\\x97") << "cut off";
  EXPECT_EQ(Printable("\xc0\x80"), "\\xc0\\x80") << "overlong";
  EXPECT_EQ(Printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf") << "overlong";
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond U+10FFFF";
}

TEST(PrintableTest, WhatItReturnsIsPrintableWhateverCameIn) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 12, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const std::string once = Printable(bytes);
    EXPECT_EQ(Printable(once), once);
  }
}

TEST(SplitTest, KeepsEmptyParts) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(Split("a/b", '/'), (Parts{"a", "b"}));
  EXPECT_EQ(Split("/a//", '/'), (Parts{"", "a", "", ""}));
  EXPECT_EQ(Split("", '/'), (Parts{""}));
}

TEST(AsciiLowerTest, TouchesNothingButAscii) {
  EXPECT_EQ(AsciiLower("AZ[a\xc3\x84"), "az[a\xc3\x84");
}

TEST(PercentDecodeTest, DecodesBytes) {
  EXPECT_EQ(PercentDecode("feature%2Fone"), "feature/one");
  EXPECT_EQ(PercentDecode("%2f%41"), "/A");
  EXPECT_EQ(PercentDecode("%00x"), std::string("\0x", 2));
}

TEST(PercentDecodeTest, LeavesALonePercentSign) {
  EXPECT_EQ(PercentDecode("100%"), "100%");
  EXPECT_EQ(PercentDecode("%2"), "%2");
  EXPECT_EQ(PercentDecode("%zz"), "%zz");
  EXPECT_EQ(PercentDecode("%%41"), "%A");
}

TEST(PercentEncodeTest, IsUndoneByDecoding) {
  EXPECT_EQ(PercentEncode("c++/a,b~c\xff%"), "c++%2Fa%2Cb~c%FF%25");
  EXPECT_EQ(PercentDecode(PercentEncode("c++/a,b~c\xff%")), "c++/a,b~c\xff%");
}

TEST(PercentDecodeTest, DecodesOnce) {
  EXPECT_EQ(PercentDecode("%252F"), "%2F");
}

TEST(MatchesPatternTest, AStarStaysWithinOnePart) {
  EXPECT_TRUE(MatchesPattern("github.com/torvalds/*", "github.com/torvalds/linux"));
  EXPECT_FALSE(MatchesPattern("github.com/*", "github.com/torvalds/linux"));
  EXPECT_TRUE(MatchesPattern("*/*/*", "a/b/c"));
}

TEST(MatchesPatternTest, AQuestionMarkIsOneCharacter) {
  EXPECT_TRUE(MatchesPattern("h/o/v?", "h/o/v1"));
  EXPECT_FALSE(MatchesPattern("h/o/v?", "h/o/v10"));
  EXPECT_FALSE(MatchesPattern("h?o/n", "h/o/n"));
}

TEST(MatchesPatternTest, TextWithoutPatternMatchesItself) {
  EXPECT_TRUE(MatchesPattern("h/o/n", "h/o/n"));
  EXPECT_FALSE(MatchesPattern("h/o/n", "h/o/nn"));
  EXPECT_TRUE(MatchesPattern("h/*/n", "h/.github/n")) << "a leading dot is no exception";
}

}  // namespace
}  // namespace reposfs
