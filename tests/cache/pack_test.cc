// What cache/pack.h, pack_index.h and object_store.h read, compared with what git reads.
#include "cache/pack.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <random>
#include <sstream>

#include "cache/object_store.h"
#include "tests/cache/packed_repository.h"
#include "tests/support/files.h"

namespace reposfs {
namespace {

using testing::File;

Oid IdOf(const Object& object) {
  constexpr const char* kNames[] = {"commit", "tree", "blob", "tag"};
  std::string text = kNames[static_cast<std::size_t>(object.type)];
  text += " " + std::to_string(object.content.size()) + std::string(1, '\0') + object.content;
  Oid id;
  EVP_Digest(text.data(), text.size(), id.bytes.data(), nullptr, EVP_sha1(), nullptr);
  return id;
}

// A file that changes in 60 commits: chains of deltas, of blobs and of trees.
class PackTest : public ::testing::Test {
 protected:
  static constexpr int kCommitCount = 60;

  void SetUp() override {
    testing::RepositoryBuilder builder(git_.path());
    std::string text;
    for (int line = 0; line < 400; ++line) text += "line " + std::to_string(line * 7919) + "\n";
    for (int i = 0; i < kCommitCount; ++i) {
      text.replace(static_cast<std::size_t>(i) * 40, 4, "edit");
      std::vector<testing::Change> changes = {File("long.txt", text), File("empty", ""),
                                              File("d/" + std::to_string(i), "x")};
      builder.Commit("main", "commit " + std::to_string(i), changes);
    }
    builder.Finish();
  }

  std::filesystem::path Objects() const { return git_.path() / "objects"; }

  void Repack(const std::string& options) {
    testing::Output({"sh", "-c", "git -C '" + git_.path().string() + "' " + options});
    for (const auto& entry : std::filesystem::directory_iterator(Objects() / "pack")) {
      if (entry.path().extension() != ".pack") continue;
      pack_ = entry.path();
      std::filesystem::permissions(pack_, std::filesystem::perms::owner_all);
    }
    index_ = pack_;
    index_.replace_extension(".idx");
    std::filesystem::permissions(index_, std::filesystem::perms::owner_all);
  }

  // "<id> <size>" of every object.
  std::vector<std::pair<Oid, std::uint64_t>> All() const {
    std::istringstream lines(testing::Git(
        git_.path(),
        {"cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objectsize)"}));
    std::vector<std::pair<Oid, std::uint64_t>> all;
    std::string hex;
    std::uint64_t size;
    while (lines >> hex >> size) all.emplace_back(OidOf(hex), size);
    return all;
  }

  void ExpectAllAsGit() const {
    const ObjectStore store(Objects());
    const auto all = All();
    ASSERT_GT(all.size(), 3u * kCommitCount);
    for (const auto& [id, size] : all) {
      const auto object = store.Read(id);
      ASSERT_TRUE(object) << object.error().message;
      EXPECT_EQ(object->content.size(), size);
      EXPECT_EQ(IdOf(*object), id);
      if (object->type == ObjectType::kBlob) {
        EXPECT_EQ(*store.ReadSizes({id}), std::vector<std::uint64_t>{size});
      }
    }
    EXPECT_EQ(**store.ReadBlob(git_.Find("main:long.txt")) + "",
              testing::Git(git_.path(), {"show", "main:long.txt"}) + "\n");
    EXPECT_EQ(**store.ReadBlob(git_.Find("main~59:long.txt")),
              testing::Git(git_.path(), {"show", "main~59:long.txt"}) + "\n");
    EXPECT_EQ(**store.ReadBlob(git_.Find("main:empty")), "");
  }

  std::size_t DeltaCount() const {
    const std::string listed = testing::Output(
        {"sh", "-c",
         "git verify-pack -v '" + index_.string() + "' | grep -cE ' [0-9]+ [0-9a-f]{40}$'"});
    return std::stoul(listed);
  }

  testing::TempDir directory_{"pack"};
  PackedRepository git_{directory_ / "git"};
  std::filesystem::path pack_;
  std::filesystem::path index_;
};

TEST_F(PackTest, ReadsChainsOfOffsetDeltas) {
  Repack("repack -adfq --depth=50 --window=50");
  ASSERT_GT(DeltaCount(), 50u);
  ExpectAllAsGit();
}

TEST_F(PackTest, ReadsChainsOfReferenceDeltas) {
  Repack("-c repack.useDeltaBaseOffset=false repack -adfq --depth=50 --window=50");
  ASSERT_GT(DeltaCount(), 50u);
  ExpectAllAsGit();
}

TEST_F(PackTest, ReadsPacksOfAnyCompression) {
  Repack("-c pack.compression=0 repack -adFq --depth=0");
  ExpectAllAsGit();
}

TEST_F(PackTest, ReadsAnIndexWithLargeOffsets) {
  Repack("repack -adfq");
  testing::Output({"git", "index-pack", "--index-version=2,0x100", pack_.string()});
  ExpectAllAsGit();
}

TEST_F(PackTest, ABaseIsMadeOnceHoweverManyNeedIt) {
  Repack("repack -adfq --depth=50 --window=50");
  const auto pack = Pack::Open(pack_.parent_path(), pack_.stem());
  ASSERT_TRUE(pack);
  BaseCache kept(16u << 20);
  BaseCache forgotten(0);
  for (const auto& [id, size] : All()) {
    const auto position = (*pack)->index().Find(id);
    ASSERT_TRUE(position);
    const std::uint64_t offset = (*pack)->index().OffsetAt(*position);
    const auto object = (*pack)->Read(offset, kept);
    ASSERT_TRUE(object);
    EXPECT_EQ(object->content, (*pack)->Read(offset, forgotten)->content);
  }
}

TEST_F(PackTest, ADeltaAgainstItselfIsCorrupt) {
  Repack("-c repack.useDeltaBaseOffset=false repack -adfq");
  std::istringstream delta(testing::Output(
      {"sh", "-c",
       "git verify-pack -v '" + index_.string() + "' | grep -E ' [0-9a-f]{40}$' | head -1"}));
  std::string hex, type;
  std::uint64_t size, packed_size, offset;
  delta >> hex >> type >> size >> packed_size >> offset;
  const Oid self = OidOf(hex);
  std::string bytes = testing::ReadFile(pack_);
  const auto header = ParsePackEntryHeader(std::string_view(bytes).substr(offset), offset);
  ASSERT_TRUE(header);
  ASSERT_EQ(header->type, PackEntryType::kReferenceDelta);
  std::memcpy(bytes.data() + offset + header->header_bytes - Oid::kSize, self.bytes.data(),
              Oid::kSize);
  testing::WriteFile(pack_, bytes);
  const auto read = ObjectStore(Objects()).Read(self);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::kCorrupt) << read.error().message;
}

TEST_F(PackTest, WhateverIsDamagedIsAnError) {
  Repack("repack -adfq");
  const auto all = All();
  const std::string pack = testing::ReadFile(pack_);
  const std::string index = testing::ReadFile(index_);
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const bool in_index = round % 2 == 0;
    std::string damaged = in_index ? index : pack;
    for (int i = 0; i < 5; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    if (round % 10 == 9) damaged.resize(random() % damaged.size());
    testing::WriteFile(pack_, in_index ? pack : damaged);
    testing::WriteFile(index_, in_index ? damaged : index);
    const ObjectStore store(Objects());
    for (const auto& [id, size] : all) {
      const auto object = store.Read(id);
      if (object) continue;
      const Errc code = object.error().code;
      EXPECT_TRUE(code == Errc::kCorrupt || code == Errc::kNotFound || code == Errc::kUnsupported)
          << object.error().message;
      static_cast<void>(store.ReadSizes({id}));
    }
    static_cast<void>(store.ExpandPrefix("abcd"));
  }
}

TEST_F(PackTest, AnEmptyOrForeignIndexIsNotOne) {
  testing::WriteFile(directory_ / "a.idx", "");
  testing::WriteFile(directory_ / "b.idx", std::string(2'000, 'x'));
  EXPECT_EQ(PackIndex::Open(directory_ / "a.idx").error().code, Errc::kCorrupt);
  EXPECT_EQ(PackIndex::Open(directory_ / "b.idx").error().code, Errc::kCorrupt);
  EXPECT_EQ(PackIndex::Open(directory_ / "none.idx").error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace reposfs
