#include "cache/pack_entry.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

using std::string_literals::operator""s;

TEST(PackEntryTest, ASmallObjectHasOneByte) {
  const auto header = ParsePackEntryHeader("\x3f", 12);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->type, PackEntryType::kBlob);
  EXPECT_EQ(header->size_bytes, 15u);
  EXPECT_EQ(header->header_bytes, 1u);
  EXPECT_FALSE(header->IsDelta());
}

TEST(PackEntryTest, ALargerSizeGoesOnInTheNextBytes) {
  const auto header = ParsePackEntryHeader("\x95\x8a\x01rest", 12);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->type, PackEntryType::kCommit);
  EXPECT_EQ(header->size_bytes, 5u + (10u << 4) + (1u << 11));
  EXPECT_EQ(header->header_bytes, 3u);
}

TEST(PackEntryTest, AnOffsetDeltaSaysHowFarBackItsBaseIs) {
  const auto header =
      ParsePackEntryHeader("\x61\x80\x00"s, 1'000);  // 128: the shortest of two bytes.
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->base_offset, 1'000u - 128);
  EXPECT_EQ(header->header_bytes, 3u);
  EXPECT_TRUE(header->IsDelta());
}

TEST(PackEntryTest, AReferenceDeltaNamesItsBase) {
  const auto header = ParsePackEntryHeader("\x71" + std::string(20, '\x11'), 1'000);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->base.Hex(), std::string(40, '1'));
  EXPECT_EQ(header->header_bytes, 21u);
}

TEST(PackEntryTest, EachWayToBeMalformedIsCorrupt) {
  const std::pair<const char*, std::string> cases[] = {
      {"empty", ""},
      {"type 0", "\x01"},
      {"type 5", "\x51"},
      {"a size cut short", "\xb5"},
      {"a size without an end", "\xb5" + std::string(31, '\xff')},
      {"a distance cut short", "\x61\x80"},
      {"a distance of 0", "\x61\x00"s},
      {"a distance without an end", "\x61" + std::string(31, '\xff')},
      {"a base before the pack", "\x61\x8f\x7f"},
      {"a base's name cut short", "\x71" + std::string(19, 'x')},
  };
  for (const auto& [what, bytes] : cases) {
    const auto header = ParsePackEntryHeader(bytes, 1'000);
    ASSERT_FALSE(header) << what;
    EXPECT_EQ(header.error().code, Errc::kCorrupt) << what;
  }
}

}  // namespace
}  // namespace reposfs
