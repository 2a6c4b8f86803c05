#include "cache/directory_cache.h"

#include <gtest/gtest.h>

namespace reposfs {
namespace {

DirectoryPtr DirectoryOf(std::size_t entry_count) {
  Directory directory;
  for (std::size_t i = 0; i < entry_count; ++i) {
    directory.entries.push_back(TreeEntry{std::to_string(1000 + i), Oid{}, EntryType::kFile});
  }
  return std::make_shared<const Directory>(std::move(directory));
}

DirectoryCache::Key Key(int number) {
  Oid oid;
  oid.bytes[0] = static_cast<std::uint8_t>(number);
  return {1, oid};
}

TEST(DirectoryCacheTest, GivesBackWhatWasPut) {
  DirectoryCache cache(100);
  const DirectoryPtr directory = DirectoryOf(3);
  cache.Put(Key(1), directory);
  EXPECT_EQ(cache.Get(Key(1)), directory);
  EXPECT_EQ(cache.Get(Key(2)), nullptr);
}

TEST(DirectoryCacheTest, TheSameTreeOfAnotherRepositoryIsAnother) {
  DirectoryCache cache(100);
  cache.Put(Key(1), DirectoryOf(3));
  EXPECT_EQ(cache.Get({2, Key(1).second}), nullptr);
}

TEST(DirectoryCacheTest, ThoseReadLeastRecentlyGo) {
  DirectoryCache cache(12);  // Each takes 3 entries and 1 for itself.
  for (const int number : {1, 2, 3}) cache.Put(Key(number), DirectoryOf(3));
  EXPECT_NE(cache.Get(Key(1)), nullptr);
  cache.Put(Key(4), DirectoryOf(3));
  EXPECT_EQ(cache.Get(Key(2)), nullptr);
  for (const int number : {1, 3, 4}) EXPECT_NE(cache.Get(Key(number)), nullptr);
}

TEST(DirectoryCacheTest, OneLargerThanAllIsKept) {
  DirectoryCache cache(10);
  cache.Put(Key(1), DirectoryOf(1000));
  EXPECT_NE(cache.Get(Key(1)), nullptr);
}

TEST(DirectoryCacheTest, ALargeOneIsNotPushedOutBySmallOnes) {
  DirectoryCache cache(10);
  cache.Put(Key(1), DirectoryOf(1000));
  for (int number = 2; number < 20; ++number) cache.Put(Key(number), DirectoryOf(3));
  EXPECT_NE(cache.Get(Key(1)), nullptr) << "its next piece would parse all of it again";
  EXPECT_EQ(cache.Get(Key(2)), nullptr);
  EXPECT_NE(cache.Get(Key(19)), nullptr);
}

TEST(DirectoryCacheTest, LargeOnesPushEachOtherOut) {
  DirectoryCache cache(10);
  cache.Put(Key(1), DirectoryOf(19));
  cache.Put(Key(2), DirectoryOf(19));
  EXPECT_NE(cache.Get(Key(1)), nullptr);
  cache.Put(Key(3), DirectoryOf(19));
  EXPECT_NE(cache.Get(Key(1)), nullptr);
  EXPECT_EQ(cache.Get(Key(2)), nullptr);
  cache.Put(Key(4), DirectoryOf(1000));
  EXPECT_EQ(cache.Get(Key(1)), nullptr);
  EXPECT_NE(cache.Get(Key(4)), nullptr);
}

TEST(DirectoryCacheTest, WhatNobodyAsksForAnyMoreIsDropped) {
  DirectoryCache cache(10);
  cache.Put(Key(1), DirectoryOf(3));
  cache.Put(Key(2), DirectoryOf(3));
  cache.Put(Key(3), DirectoryOf(1000));
  cache.DropUnused();
  EXPECT_NE(cache.Get(Key(1)), nullptr) << "it was put since the last time";
  cache.DropUnused();
  EXPECT_NE(cache.Get(Key(1)), nullptr) << "it was asked for since the last time";
  EXPECT_EQ(cache.Get(Key(2)), nullptr);
  EXPECT_EQ(cache.Get(Key(3)), nullptr);
}

TEST(DirectoryCacheTest, PuttingAgainReplacesAndCountsOnce) {
  DirectoryCache cache(12);
  for (int i = 0; i < 100; ++i) cache.Put(Key(1), DirectoryOf(3));
  cache.Put(Key(2), DirectoryOf(3));
  cache.Put(Key(3), DirectoryOf(3));
  EXPECT_NE(cache.Get(Key(1)), nullptr);
}

TEST(DirectoryTest, AnEntryIsFoundByItsName) {
  const DirectoryPtr directory = DirectoryOf(50);
  ASSERT_NE(directory->Find("1017"), nullptr);
  EXPECT_EQ(directory->Find("1017")->name, "1017");
  EXPECT_EQ(directory->Find("101"), nullptr);
  EXPECT_EQ(directory->Find("2000"), nullptr);
}

TEST(DirectoryTest, SizesAreThereForAllEntriesOrForNone) {
  Directory directory = *DirectoryOf(2);
  EXPECT_FALSE(directory.has_sizes());
  directory.sizes_bytes = {1, 2};
  EXPECT_TRUE(directory.has_sizes());
}

}  // namespace
}  // namespace reposfs
