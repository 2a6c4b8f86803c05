#include "cache/pkt_line.h"

#include <gtest/gtest.h>

#include <vector>

namespace reposfs {
namespace {

// What a reader makes of a stream: "data:..." for lines, else one word.
class PktReaderTest : public ::testing::Test {
 protected:
  Status Add(std::string_view bytes) {
    return reader_.Add(bytes, [this](const Pkt& pkt) -> Status {
      switch (pkt.type) {
        case PktType::kData:
          seen_.push_back("data:" + std::string(pkt.line()));
          break;
        case PktType::kFlush:
          seen_.push_back("flush");
          break;
        case PktType::kDelimiter:
          seen_.push_back("delimiter");
          break;
        case PktType::kResponseEnd:
          seen_.push_back("end");
          break;
      }
      return {};
    });
  }

  PktReader reader_;
  std::vector<std::string> seen_;
};

const std::vector<std::string> kAllKinds = {
    "data:a", "delimiter", "data:", "data:bc", "end", "flush"};
constexpr char kAllKindsText[] =
    "0006a\n00010004"
    "0006bc"
    "00020000";

TEST_F(PktReaderTest, ReadsEveryKind) {
  ASSERT_TRUE(Add(kAllKindsText));
  EXPECT_EQ(seen_, kAllKinds);
}

TEST_F(PktReaderTest, PiecesOfAnySizeMakeNoDifference) {
  const std::string text = kAllKindsText;
  for (std::size_t size = 1; size < text.size(); ++size) {
    reader_ = {};
    seen_.clear();
    for (std::size_t at = 0; at < text.size(); at += size) ASSERT_TRUE(Add(text.substr(at, size)));
    EXPECT_EQ(seen_, kAllKinds) << "in pieces of " << size;
  }
}

TEST_F(PktReaderTest, APacketOfTheGreatestSizeIsRead) {
  ASSERT_TRUE(Add("fff0" + std::string(65516, 'x')));
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_EQ(seen_[0].size(), 5 + 65516u);
}

TEST_F(PktReaderTest, ALengthThatNoPacketHasIsRefused) {
  for (const char* header : {"0003", "fff1", "ffff", "00g0", "-001", " 001", "0x10", "<htm"}) {
    reader_ = {};
    const auto added = Add(header);
    ASSERT_FALSE(added) << header;
    EXPECT_EQ(added.error().code, Errc::kCorrupt);
  }
}

TEST_F(PktReaderTest, ControlCharactersAreNotRepeated) {
  const auto added = Add("\x1b[31");
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().message.find('\x1b'), std::string::npos);
}

TEST_F(PktReaderTest, WhoeverReadsCanEndIt) {
  int count = 0;
  const auto added = reader_.Add("000000000000", [&](const Pkt&) -> Status {
    if (++count < 2) return {};
    return Error{Errc::kInterrupted, "enough"};
  });
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Errc::kInterrupted);
  EXPECT_EQ(count, 2);
}

TEST(AppendPktTest, CountsItsOwnHeader) {
  std::string out;
  AppendPkt("four", out);
  AppendDelimiter(out);
  AppendFlush(out);
  EXPECT_EQ(out, "0008four00010000");
}

}  // namespace
}  // namespace reposfs
