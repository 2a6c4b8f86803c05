#include "cache/read_ahead.h"

#include <gtest/gtest.h>

#include "tests/cache/packed_repository.h"
#include "tests/support/files.h"

namespace reposfs {
namespace {

using testing::File;

// Two directories, "d" and "e", of 40 files each.
class ReadAheadTest : public ::testing::Test {
 protected:
  static constexpr int kFileCount = 40;
  static constexpr milliseconds kSoon = std::chrono::seconds(20);

  void SetUp() override {
    std::vector<testing::Change> files;
    for (const std::string name : {"d", "e"}) {
      for (int i = 0; i < kFileCount; ++i) {
        files.push_back(File(name + "/" + std::to_string(10 + i), name + std::to_string(i)));
      }
    }
    git_.Commit("one", files);
    RepositoryRecord record;
    record.id = 1;
    repository_ =
        std::make_shared<Repository>(*ParseRepositoryKey("h/o/n"), record, directory_ / "store",
                                     std::make_shared<BytesOnDisk>());
    git_.Pack(repository_->directory().packs(), "main");
    repository_->ContentChanged();
  }

  ReadAhead::Place Place(const std::string& name) {
    const Oid tree = git_.Find("main:" + name);
    auto entries = ParseTree(repository_->objects().Read(tree)->content)->entries;
    std::vector<Oid> blobs;
    for (const TreeEntry& entry : entries) blobs.push_back(entry.oid);
    auto sizes = *repository_->objects().ReadSizes(blobs);
    return {repository_, tree,
            std::make_shared<const Directory>(Directory{std::move(entries), std::move(sizes)})};
  }

  void Read(const ReadAhead::Place& place, std::size_t index) {
    ahead_.Reading(place, place.directory->entries[index].oid);
  }

  bool IsMade(const ReadAhead::Place& place, std::size_t index) {
    return blobs_.Peek({1, place.directory->entries[index].oid}) != nullptr;
  }

  // Waits until `count` blobs have been made ahead.
  void Await(std::uint64_t count) {
    testing::WaitUntil([&] { return ahead_.blob_count() >= count; }, kSoon);
    EXPECT_EQ(ahead_.blob_count(), count);
  }

  testing::TempDir directory_{"read-ahead"};
  PackedRepository git_{directory_ / "git"};
  RepositoryPtr repository_;
  BlobCache blobs_{64u << 20, directory_.path()};
  ReadAhead ahead_{blobs_};
};

TEST_F(ReadAheadTest, OneFileSaysNothing) {
  const auto d = Place("d");
  Read(d, 0);
  ahead_.Stop();
  EXPECT_EQ(ahead_.blob_count(), 0u);
}

TEST_F(ReadAheadTest, TheSecondFileInOrderBringsTheRest) {
  const auto d = Place("d");
  Read(d, 0);
  Read(d, 1);
  Await(kFileCount - 2);
  EXPECT_FALSE(IsMade(d, 1)) << "its reader makes it";
  EXPECT_TRUE(IsMade(d, 2));
  EXPECT_TRUE(IsMade(d, kFileCount - 1));
}

TEST_F(ReadAheadTest, EachIsMadeOnce) {
  const auto d = Place("d");
  for (std::size_t i = 0; i < 2; ++i) Read(d, i);
  Await(kFileCount - 2);
  for (std::size_t i = 2; i < kFileCount; ++i) Read(d, i);
  ahead_.Stop();
  EXPECT_EQ(ahead_.blob_count(), kFileCount - 2);
}

TEST_F(ReadAheadTest, ReadingBackwardsOrHereAndThereBringsNothing) {
  const auto d = Place("d");
  for (const std::size_t index : {30u, 20u, 10u, 0u, 25u, 5u}) Read(d, index);
  ahead_.Stop();
  EXPECT_EQ(ahead_.blob_count(), 0u);
}

TEST_F(ReadAheadTest, SomeFilesMayBeSkipped) {
  const auto d = Place("d");
  Read(d, 0);
  Read(d, 10);
  Await(kFileCount - 11);
}

TEST_F(ReadAheadTest, ADirectoryListedInAScanIsMadeBeforeItIsRead) {
  const auto d = Place("d");
  for (std::size_t i = 0; i < kFileCount; ++i) Read(d, i);
  const auto e = Place("e");
  ahead_.Listed(e);
  EXPECT_TRUE(testing::WaitUntil([&] { return IsMade(e, 0) && IsMade(e, kFileCount - 1); }, kSoon));
}

TEST_F(ReadAheadTest, ListingAloneBringsNothing) {
  ahead_.Listed(Place("d"));
  Read(Place("d"), 0);
  ahead_.Listed(Place("e"));
  ahead_.Stop();
  EXPECT_EQ(ahead_.blob_count(), 0u);
}

TEST_F(ReadAheadTest, WhatIsNotHereIsLeftToItsReader) {
  const auto d = Place("d");
  for (const auto& file : std::filesystem::directory_iterator(repository_->directory().packs())) {
    std::filesystem::remove(file.path());
  }
  repository_->ContentChanged();
  Read(d, 0);
  Read(d, 1);
  ahead_.Stop();
  EXPECT_EQ(ahead_.blob_count(), 0u);
}

TEST_F(ReadAheadTest, OnlySoMuchIsAheadOfTheReader) {
  std::vector<testing::Change> files;
  for (int i = 0; i < 20; ++i) {
    files.push_back(File("big/" + std::to_string(10 + i),
                         std::string(ReadAhead::kAheadBytes / 4, static_cast<char>('a' + i))));
  }
  git_.Commit("two", files);
  git_.Pack(repository_->directory().packs(), "main");
  repository_->ContentChanged();
  const auto big = Place("big");
  Read(big, 0);
  Read(big, 1);
  Await(4);
  EXPECT_FALSE(IsMade(big, 6));
  Read(big, 2);
  Read(big, 3);
  Read(big, 4);
  Read(big, 5);
  Await(8);
}

}  // namespace
}  // namespace reposfs
