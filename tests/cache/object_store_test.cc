#include "cache/object_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/cache/packed_repository.h"
#include "tests/support/files.h"

namespace reposfs {
namespace {

using testing::File;

// Two commits in two packs; the second is written when a test says so.
class ObjectStoreTest : public ::testing::Test {
 protected:
  ObjectStoreTest()
      : git_(directory_ / "git"),
        first_(git_.Commit("one", {File("a", "four"), File("d/b", "seven!!")})),
        first_pack_(git_.Pack(Packs(), "main")) {}

  void TearDown() override {
    store_.reset();
    EXPECT_EQ(testing::OpenFdCount(), fd_count_) << "leaked";
  }

  std::filesystem::path Packs() const { return directory_ / "objects/pack"; }

  Oid AddSecondPack() {
    const Oid second = git_.Commit("two", {File("a", "other")});
    git_.Pack(Packs(), "main ^main~");
    return second;
  }

  const std::size_t fd_count_ = testing::OpenFdCount();
  testing::TempDir directory_{"object-store"};
  PackedRepository git_;
  const Oid first_;
  const std::string first_pack_;
  std::unique_ptr<ObjectStore> store_ = std::make_unique<ObjectStore>(directory_ / "objects");
};

TEST_F(ObjectStoreTest, ReadsObjectsOfEachType) {
  const auto commit = store_->Read(first_);
  ASSERT_TRUE(commit) << commit.error().message;
  EXPECT_EQ(commit->type, ObjectType::kCommit);
  EXPECT_EQ(
      commit->content + "\n",
      testing::Output({"git", "-C", git_.path().string(), "cat-file", "commit", "main"}) + "\n");
  EXPECT_EQ(store_->Read(git_.Find("main^{tree}"))->type, ObjectType::kTree);
  EXPECT_EQ(**store_->ReadBlob(git_.Find("main:a")), "four");
}

TEST_F(ObjectStoreTest, ReadsACommitsTreeAndTime) {
  const auto commit = store_->ReadCommit(first_);
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->tree, git_.Find("main^{tree}"));
  EXPECT_EQ(std::to_string(commit->committer_time_s),
            testing::Git(git_.path(), {"log", "-1", "--format=%ct"}));
}

TEST_F(ObjectStoreTest, ReadsSizesInTheirOrder) {
  EXPECT_EQ(*store_->ReadSizes({git_.Find("main:d/b"), git_.Find("main:a")}),
            (std::vector<std::uint64_t>{7, 4}));
  EXPECT_TRUE(store_->ReadSizes({})->empty());
}

TEST_F(ObjectStoreTest, WhatIsNotHereIsNotFound) {
  const Oid none = OidOf(std::string(40, '1'));
  EXPECT_EQ(store_->Read(none).error().code, Errc::kNotFound);
  EXPECT_EQ(store_->ReadSizes({git_.Find("main:a"), none}).error().code, Errc::kNotFound);
  EXPECT_FALSE(store_->Contains(none));
  EXPECT_TRUE(store_->Contains(first_));
  EXPECT_EQ(store_->Missing({first_, none}), std::vector<Oid>{none});
}

TEST_F(ObjectStoreTest, AStoreThatDoesNotExistYetHasNothing) {
  ObjectStore store(directory_ / "none");
  EXPECT_FALSE(store.Contains(first_));
  EXPECT_FALSE(store.Read(first_));
}

TEST_F(ObjectStoreTest, AnotherTypeThanAskedForIsRefused) {
  EXPECT_EQ(store_->ReadBlob(first_).error().code, Errc::kCorrupt);
  EXPECT_EQ(store_->ReadCommit(git_.Find("main:a")).error().code, Errc::kInvalidArgument);
}

TEST_F(ObjectStoreTest, RefreshSeesNewPacks) {
  EXPECT_TRUE(store_->Contains(first_));
  const Oid second = AddSecondPack();
  store_->Refresh();
  EXPECT_TRUE(store_->Contains(second));
  EXPECT_TRUE(store_->Read(second));
  EXPECT_TRUE(store_->Contains(first_));
}

TEST_F(ObjectStoreTest, RefreshLetsGoOfPacksThatHaveGone) {
  EXPECT_TRUE(store_->Read(first_));
  std::filesystem::remove(Packs() / (first_pack_ + ".pack"));
  std::filesystem::remove(Packs() / (first_pack_ + ".idx"));
  store_->Refresh();
  EXPECT_FALSE(store_->Contains(first_));
  EXPECT_EQ(testing::Output(
                {"sh", "-c",
                 "ls -l /proc/" + std::to_string(::getpid()) + "/fd | grep -c deleted || true"}),
            "0")
      << "their space is given back";
}

TEST_F(ObjectStoreTest, APrefixIsExpanded) {
  const std::string hex = first_.Hex();
  EXPECT_EQ(*store_->ExpandPrefix(hex.substr(0, 10)), first_);
  EXPECT_EQ(*store_->ExpandPrefix(hex), first_);
  EXPECT_EQ(store_->ExpandPrefix(hex.substr(0, 3)).error().code, Errc::kNotFound);
  EXPECT_EQ(store_->ExpandPrefix("11111111").error().code, Errc::kNotFound);
  EXPECT_EQ(store_->ExpandPrefix("not hex!").error().code, Errc::kNotFound);
}

TEST_F(ObjectStoreTest, AnAmbiguousPrefixIsRefused) {
  std::map<std::string, std::string> by_prefix;
  std::string ambiguous;
  std::vector<testing::Change> files;
  // Among 2,000 blobs some two share their first four digits (65,536 possibilities).
  for (int i = 0; i < 2000; ++i) files.push_back(File(std::to_string(i), std::to_string(i)));
  git_.Commit("many", files);
  git_.Pack(Packs(), "main");
  store_->Refresh();
  const std::string ids = testing::Git(git_.path(), {"ls-tree", "--format=%(objectname)", "main"});
  for (std::size_t i = 0; i + 40 <= ids.size() && ambiguous.empty(); i += 41) {
    const auto [found, added] = by_prefix.emplace(ids.substr(i, 4), ids.substr(i, 40));
    if (!added) ambiguous = found->first;
  }
  ASSERT_FALSE(ambiguous.empty());
  EXPECT_EQ(store_->ExpandPrefix(ambiguous).error().code, Errc::kInvalidArgument);
}

TEST_F(ObjectStoreTest, ADamagedPackIsCorrupt) {
  const std::filesystem::path pack = Packs() / (first_pack_ + ".pack");
  std::filesystem::permissions(pack, std::filesystem::perms::owner_all);
  std::string bytes = testing::ReadFile(pack);
  for (std::size_t i = 13; i + 20 < bytes.size(); ++i) bytes[i] = '\x5a';
  testing::WriteFile(pack, bytes);
  const auto read = store_->Read(first_);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::kCorrupt) << read.error().message;
  EXPECT_EQ(store_->ReadBlob(git_.Find("main:a")).error().code, Errc::kCorrupt);
}

TEST_F(ObjectStoreTest, ATruncatedPackIsNeverRead) {
  const std::filesystem::path pack = Packs() / (first_pack_ + ".pack");
  std::filesystem::permissions(pack, std::filesystem::perms::owner_all);
  std::filesystem::resize_file(pack, 20);
  EXPECT_FALSE(store_->Read(first_));
}

TEST_F(ObjectStoreTest, APackWithoutItsDataIsNeverRead) {
  std::filesystem::remove(Packs() / (first_pack_ + ".pack"));
  EXPECT_FALSE(store_->Read(first_));
}

TEST_F(ObjectStoreTest, ManyThreadsReadWhileItIsRefreshed) {
  const Oid blob = git_.Find("main:a");
  std::atomic<bool> stop{false};
  std::atomic<int> failures{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        const auto content = store_->ReadBlob(blob);
        if (!content || **content != "four") ++failures;
      }
    });
  }
  std::thread refresher([&] {
    while (!stop) store_->Refresh();
  });
  for (std::thread& reader : readers) reader.join();
  stop = true;
  refresher.join();
  EXPECT_EQ(failures, 0);
}

TEST(ParseCommitTest, TheTimeStandsBehindTheLastBracket) {
  const std::string tree(40, 'a');
  const auto commit = ParseCommit("tree " + tree +
                                  "\nauthor x <x> 1 +0000\ncommitter a > b <c@d> 1700000000 "
                                  "+0100\n\ncommitter evil <x> 7 +0000\n");
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->tree.Hex(), tree);
  EXPECT_EQ(commit->committer_time_s, 1'700'000'000);
}

TEST(ParseCommitTest, WithoutAUsableTimeItIsTheEpoch) {
  const std::string tree = "tree " + std::string(40, 'a') + "\n";
  for (const char* rest : {"", "\nmessage", "committer x\n\n", "committer x <y> soon\n\n",
                           "committer x <y> 99999999999999999999\n\n"}) {
    const auto commit = ParseCommit(tree + rest);
    ASSERT_TRUE(commit) << rest;
    EXPECT_EQ(commit->committer_time_s, 0) << rest;
  }
}

TEST(ParseCommitTest, WithoutATreeItIsCorrupt) {
  for (const std::string& content :
       {std::string(), std::string("tree "), "tree " + std::string(39, 'a'),
        "tree " + std::string(40, 'x') + "\n", std::string("parent x\n")}) {
    EXPECT_EQ(ParseCommit(content).error().code, Errc::kCorrupt);
  }
}

}  // namespace
}  // namespace reposfs
