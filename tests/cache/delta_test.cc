#include "cache/delta.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

using std::string_literals::operator""s;

// Sizes of 10 and 8; copies "0123", inserts "ab", copies "89".
const std::string kBase = "0123456789";
const std::string kDelta =
    "\x0a\x08"
    "\x90\x04"
    "\x02"
    "ab"
    "\x91\x08\x02"s;

TEST(DeltaTest, CopiesFromTheBaseAndInserts) {
  const auto result = ApplyDelta(kBase, kDelta);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(*result, "0123ab89");
}

TEST(DeltaTest, SaysBothSizesBeforeItIsApplied) {
  const auto sizes = ParseDeltaSizes("\x8a\x01\xff\xff\x03"s);
  ASSERT_TRUE(sizes);
  EXPECT_EQ(sizes->base_bytes, 128u + 10);
  EXPECT_EQ(sizes->result_bytes, 0xffffu);
  EXPECT_EQ(sizes->header_bytes, 5u);
}

TEST(DeltaTest, ACopyWithoutASizeIsOf64KiB) {
  const std::string base(0x10000 + 5, 'x');
  const auto result = ApplyDelta(base, "\x85\x80\x04\x80\x80\x04\x80"s);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->size(), 0x10000u);
}

TEST(DeltaTest, EachWayToBeMalformedIsCorrupt) {
  const std::pair<const char*, std::string> cases[] = {
      {"empty", ""},
      {"without a second size", "\x0a"},
      {"a size without an end", std::string(12, '\xff')},
      {"another base", "\x0b\x08" + kDelta.substr(2)},
      {"instruction 0", "\x0a\x01\x00"s},
      {"an insert cut short", "\x0a\x02\x02\x61"s},
      {"a copy cut short", "\x0a\x04\x91\x00"s},
      {"a copy from behind the base", "\x0a\x02\x91\x0a\x02"s},
      {"a copy beyond the base", "\x0a\x04\x91\x08\x04"s},
      {"a copy from far behind", "\x0a\x02\x9f\xff\xff\xff\xff\x02"s},
      {"more than it promised",
       "\x0a\x01\x02"
       "ab"s},
      {"less than it promised",
       "\x0a\x03\x02"
       "ab"s},
  };
  for (const auto& [what, delta] : cases) {
    const auto result = ApplyDelta(kBase, delta);
    ASSERT_FALSE(result) << what;
    EXPECT_EQ(result.error().code, Errc::kCorrupt) << what;
  }
}

}  // namespace
}  // namespace reposfs
