#include "cache/pack_format.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

TEST(PackFormatTest, AHeaderSaysHowManyEntriesFollow) {
  const auto count = ParsePackHeader(PackHeader(0xfedcba98));
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 0xfedcba98u);
}

TEST(PackFormatTest, OnlyPacksOfVersion2AreRead) {
  EXPECT_EQ(ParsePackHeader(std::string("PACX\0\0\0\2\0\0\0\0", 12)).error().code, Errc::kCorrupt);
  EXPECT_EQ(ParsePackHeader(std::string("PACK\0\0\0\3\0\0\0\0", 12)).error().code,
            Errc::kUnsupported);
}

TEST(PackFormatTest, AnEntryHeaderIsReadBack) {
  for (const std::uint64_t size : {0ull, 15ull, 16ull, 2047ull, 2048ull, 1ull << 40}) {
    const std::string bytes = PackEntryHeaderBytes(ObjectType::kTree, size);
    const auto header = ParsePackEntryHeader(bytes + "x", 12);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->type, PackEntryType::kTree);
    EXPECT_EQ(header->size_bytes, size);
    EXPECT_EQ(header->header_bytes, bytes.size());
  }
}

}  // namespace
}  // namespace reposfs
