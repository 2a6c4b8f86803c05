#include "cache/object_hash.h"

#include <gtest/gtest.h>

#include <string>

namespace reposfs {
namespace {

TEST(ObjectHashTest, IdsAreThoseOfGit) {
  EXPECT_EQ(HashObject(ObjectType::kBlob, "")->Hex(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(HashObject(ObjectType::kTree, "")->Hex(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
}

TEST(ObjectHashTest, PiecesMayEndAnywhere) {
  std::string bytes;
  for (int i = 0; i < 10'000; ++i) bytes += static_cast<char>(i * 7919 / 13);
  for (const std::size_t piece : {1u, 63u, 64u, 65u, 1000u}) {
    ObjectHasher hasher(ObjectType::kBlob, bytes.size());
    for (std::size_t at = 0; at < bytes.size(); at += piece) hasher.Add(bytes.substr(at, piece));
    const auto id = hasher.Finish();
    ASSERT_TRUE(id) << id.error().message;
    EXPECT_EQ(*id, *HashObject(ObjectType::kBlob, bytes)) << piece;
  }
}

TEST(ObjectHashTest, AnotherSizeThanAnnouncedIsAnError) {
  ObjectHasher less(ObjectType::kBlob, 5);
  less.Add("four");
  EXPECT_EQ(less.Finish().error().code, Errc::kCorrupt);
  ObjectHasher more(ObjectType::kBlob, 3);
  more.Add("four");
  EXPECT_EQ(more.Finish().error().code, Errc::kCorrupt);
}

}  // namespace
}  // namespace reposfs
