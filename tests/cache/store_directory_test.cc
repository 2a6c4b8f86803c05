#include "cache/store_directory.h"

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "cache/object_store.h"
#include "cache/staging.h"
#include "tests/cache/packed_repository.h"
#include "tests/support/files.h"

namespace reposfs {
namespace {

using testing::File;
using testing::List;
using testing::WriteFile;

Oid Id(char digit) {
  return OidOf(std::string(40, digit));
}

// A store, and transfers into it whose packs are made with git.
class StoreDirectoryTest : public ::testing::Test {
 protected:
  StoreDirectoryTest() : git_(directory_ / "git"), store_(directory_ / "repos/1") {
    git_.Commit("one", {File("a", "1")});
    git_.Commit("two", {File("a", "2")});
    EXPECT_TRUE(store_.Create());
  }

  std::filesystem::path StagingPath() const { return directory_ / "tmp/job-1"; }

  Staging MakeStaging(const std::vector<Oid>& haves = {}) {
    auto staging = Staging::Create(StagingPath(), store_, haves);
    if (!staging) throw std::runtime_error(staging.error().message);
    return std::move(*staging);
  }

  static std::filesystem::path PacksOf(const Staging& staging) {
    return staging.path() / "objects/pack";
  }

  // Runs a transfer that brings `revisions`, to its end; returns the name of the pack.
  std::string Bring(const std::string& revisions, const std::vector<std::string>& replaced = {}) {
    Staging staging = MakeStaging();
    const std::string pack = git_.Pack(PacksOf(staging), revisions);
    EXPECT_TRUE(staging.Replace(replaced));
    EXPECT_TRUE(staging.Seal());
    EXPECT_TRUE(store_.Adopt(staging));
    return pack;
  }

  std::vector<std::string> PackNames() const {
    std::vector<std::string> names;
    for (const StoredFile& file : store_.PackFiles()) names.push_back(file.name);
    return names;
  }

  testing::TempDir directory_{"store-directory"};
  PackedRepository git_;
  StoreDirectory store_;
};

TEST_F(StoreDirectoryTest, ANewStoreIsEmpty) {
  EXPECT_TRUE(store_.PackFiles().empty());
  EXPECT_TRUE(store_.Shallow().empty());
  EXPECT_EQ(store_.Refs().error().code, Errc::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(store_.path() / "HEAD")) << "git must not recognise it";
}

TEST_F(StoreDirectoryTest, RefsAreReadBackAsTheyWere) {
  const RefSnapshot refs("refs/heads/main", Id('1'), {Ref{"refs/heads/main", Id('1'), Oid{}}});
  ASSERT_TRUE(store_.SetRefs(refs));
  EXPECT_EQ(*store_.Refs(), refs);
}

TEST_F(StoreDirectoryTest, APackIsThereOnceItsIndexIs) {
  const std::string pack = Bring("main");
  EXPECT_EQ(PackNames(), (std::vector<std::string>{pack + ".idx", pack + ".pack"}));
  WriteFile(store_.packs() / "pack-x.pack", "not whole yet");
  EXPECT_EQ(PackNames().size(), 2u);
  for (const StoredFile& file : store_.PackFiles()) {
    EXPECT_EQ(file.size_bytes, std::filesystem::file_size(store_.packs() / file.name));
  }
}

TEST_F(StoreDirectoryTest, WhatWasAdoptedCanBeRead) {
  Bring("main");
  const ObjectStore objects(store_.objects());
  EXPECT_TRUE(objects.Read(git_.Find("main")));
  EXPECT_GT(store_.SizeBytes(), 0u);
}

TEST_F(StoreDirectoryTest, UntilItIsAdoptedATransferChangesNothing) {
  {
    Staging staging = MakeStaging();
    git_.Pack(PacksOf(staging), "main");
    EXPECT_TRUE(store_.PackFiles().empty());
  }
  EXPECT_FALSE(std::filesystem::exists(StagingPath())) << "giving up removes one directory";
}

TEST_F(StoreDirectoryTest, ATransferSeesWhatTheStoreHas) {
  Bring("main~");
  const Staging staging = MakeStaging({git_.Find("main~")});
  const std::string git_dir = "--git-dir=" + staging.path().string();
  EXPECT_EQ(testing::Output({"git", git_dir, "cat-file", "-t", git_.Find("main~").Hex()}),
            "commit");
  EXPECT_EQ(testing::Output({"git", git_dir, "for-each-ref", "--format=%(objectname)"}),
            git_.Find("main~").Hex());
}

TEST_F(StoreDirectoryTest, FilesThatAreNoPacksStayBehind) {
  Staging staging = MakeStaging();
  const std::string pack = git_.Pack(PacksOf(staging), "main");
  WriteFile(PacksOf(staging) / (pack + ".promisor"), "");
  WriteFile(PacksOf(staging) / "tmp_pack_abc", "half");
  ASSERT_TRUE(store_.Adopt(staging));
  EXPECT_EQ(List(store_.packs()), (std::vector<std::string>{pack + ".idx", pack + ".pack"}));
}

TEST_F(StoreDirectoryTest, TheIndexOfAPackIsMovedLast) {
  Staging staging = MakeStaging();
  const std::string pack = git_.Pack(PacksOf(staging), "main");
  std::filesystem::create_directories(store_.packs() / (pack + ".pack/in the way"));
  EXPECT_FALSE(store_.Adopt(staging));
  EXPECT_FALSE(std::filesystem::exists(store_.packs() / (pack + ".idx")));
  EXPECT_TRUE(std::filesystem::exists(PacksOf(staging) / (pack + ".idx")));
}

TEST_F(StoreDirectoryTest, ReplacedPacksGo) {
  const std::string old_pack = Bring("main~");
  const std::string new_pack = Bring("main", {old_pack + ".pack", old_pack + ".idx"});
  EXPECT_EQ(List(store_.packs()),
            (std::vector<std::string>{new_pack + ".idx", new_pack + ".pack"}));
}

TEST_F(StoreDirectoryTest, SizesComeAndGoWithTheirPack) {
  Staging staging = MakeStaging();
  const std::string pack = git_.Pack(PacksOf(staging), "main~");
  WriteFile(PacksOf(staging) / (pack + ".sizes"), "sizes");
  ASSERT_TRUE(staging.Seal());
  ASSERT_TRUE(store_.Adopt(staging));
  EXPECT_EQ(PackNames(),
            (std::vector<std::string>{pack + ".idx", pack + ".pack", pack + ".sizes"}));
  const std::string new_pack = Bring("main", PackNames());
  EXPECT_EQ(List(store_.packs()),
            (std::vector<std::string>{new_pack + ".idx", new_pack + ".pack"}));
}

TEST_F(StoreDirectoryTest, NewPacksAreThereBeforeThoseThatTheyReplaceGo) {
  const std::string old_pack = Bring("main~");
  Staging staging = MakeStaging();
  const std::string new_pack = git_.Pack(PacksOf(staging), "main");
  ASSERT_TRUE(staging.Replace({old_pack + ".pack", old_pack + ".idx"}));
  std::vector<std::string> between;
  ASSERT_TRUE(store_.Adopt(staging, [&] { between = PackNames(); }));
  EXPECT_EQ(between.size(), 4u) << "both packs with their indexes";
  EXPECT_EQ(PackNames(), (std::vector<std::string>{new_pack + ".idx", new_pack + ".pack"}));
}

TEST_F(StoreDirectoryTest, NobodyWaitsWhereNothingIsReplaced) {
  Staging staging = MakeStaging();
  git_.Pack(PacksOf(staging), "main");
  ASSERT_TRUE(store_.Adopt(staging, [] { ADD_FAILURE() << "nothing is removed"; }));
}

// After each prefix of the steps of Adopt(), running it again finishes.
TEST_F(StoreDirectoryTest, AdoptingAgainAfterACrashFinishes) {
  const std::string old_pack = Bring("main~");
  for (int steps_done = 0; steps_done <= 4; ++steps_done) {
    SCOPED_TRACE(steps_done);
    Staging staging = MakeStaging();
    const std::string pack = git_.Pack(PacksOf(staging), "main");
    WriteFile(staging.path() / "shallow", Id('5').Hex() + "\n");
    ASSERT_TRUE(staging.Replace({old_pack + ".pack", old_pack + ".idx"}));
    ASSERT_TRUE(staging.Seal());
    const auto move = [&](const std::string& name) {
      std::filesystem::rename(PacksOf(staging) / name, store_.packs() / name);
    };
    if (steps_done >= 1) move(pack + ".pack");
    if (steps_done >= 2) move(pack + ".idx");
    if (steps_done >= 3) WriteFile(store_.path() / "shallow", Id('5').Hex() + "\n");
    if (steps_done >= 4) std::filesystem::remove(store_.packs() / (old_pack + ".pack"));

    auto reopened = Staging::Reopen(StagingPath());
    ASSERT_TRUE(reopened);
    ASSERT_TRUE(store_.Adopt(*reopened));
    ASSERT_TRUE(store_.Adopt(*reopened)) << "once more does no harm";

    EXPECT_EQ(List(store_.packs()), (std::vector<std::string>{pack + ".idx", pack + ".pack"}));
    EXPECT_EQ(store_.Shallow(), std::set<Oid>{Id('5')});
    std::filesystem::remove_all(store_.path());
    ASSERT_TRUE(store_.Create());
    ASSERT_EQ(Bring("main~"), old_pack);
  }
}

// Without its list of shallow commits a sealed staging would say that the history is here.
TEST_F(StoreDirectoryTest, AStagingThatIsBeingRemovedIsNotSealedAnyMore) {
  const UniqueFd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  {
    Staging staging = MakeStaging();
    ASSERT_TRUE(staging.Seal());
    ASSERT_GE(inotify_add_watch(watch.get(), staging.path().c_str(), IN_DELETE), 0);
  }
  alignas(inotify_event) char buffer[4096];
  ASSERT_GT(::read(watch.get(), buffer, sizeof buffer), 0);
  EXPECT_STREQ(reinterpret_cast<const inotify_event*>(buffer)->name, "sealed");
}

TEST_F(StoreDirectoryTest, OnlyASealedStagingIsReopened) {
  Staging staging = MakeStaging();
  const auto unsealed = Staging::Reopen(StagingPath());
  ASSERT_FALSE(unsealed);
  EXPECT_EQ(unsealed.error().code, Errc::kNotFound);
}

TEST_F(StoreDirectoryTest, CreatingAStagingRemovesWhatWasThere) {
  std::filesystem::create_directories(StagingPath() / "objects/pack");
  WriteFile(StagingPath() / "sealed", "");
  WriteFile(StagingPath() / "objects/pack/tmp_pack", "rubbish");
  const Staging staging = MakeStaging();
  EXPECT_FALSE(Staging::Reopen(StagingPath()));
  EXPECT_TRUE(List(PacksOf(staging)).empty());
}

TEST_F(StoreDirectoryTest, OnlyTheDifferenceOfShallowCommitsIsApplied) {
  WriteFile(store_.path() / "shallow", SerializeShallow({Id('1'), Id('2')}));
  const Staging staging = MakeStaging();
  EXPECT_EQ(staging.shallow_before(), (std::set<Oid>{Id('1'), Id('2')}));
  // This transfer brings 3 and completes 1; meanwhile another one has brought 4.
  WriteFile(staging.path() / "shallow", SerializeShallow({Id('2'), Id('3')}));
  WriteFile(store_.path() / "shallow", SerializeShallow({Id('1'), Id('2'), Id('4')}));
  ASSERT_TRUE(store_.Adopt(staging));
  EXPECT_EQ(store_.Shallow(), (std::set<Oid>{Id('2'), Id('3'), Id('4')}));
}

TEST_F(StoreDirectoryTest, ACompleteStoreHasNoShallowFile) {
  WriteFile(store_.path() / "shallow", SerializeShallow({Id('1')}));
  const Staging staging = MakeStaging();
  std::filesystem::remove(staging.path() / "shallow");
  ASSERT_TRUE(store_.Adopt(staging));
  EXPECT_FALSE(std::filesystem::exists(store_.path() / "shallow"));
}

TEST_F(StoreDirectoryTest, ACommitGraphIsAdopted) {
  const Staging staging = MakeStaging();
  WriteFile(staging.path() / "objects/info/commit-graph", "graph");
  ASSERT_TRUE(store_.Adopt(staging));
  EXPECT_EQ(testing::ReadFile(store_.commit_graph()), "graph");
}

}  // namespace
}  // namespace reposfs
