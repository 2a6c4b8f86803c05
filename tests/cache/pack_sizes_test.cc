// What cache/pack_sizes.h keeps: as git says, believed only if it is whole, made and removed with
// its pack.
#include "cache/pack_sizes.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "cache/object_store.h"
#include "cache/pack.h"
#include "cache/pack_indexer.h"
#include "tests/cache/cache_test.h"

namespace reposfs {
namespace {

using testing::File;

constexpr int kManyFiles = 11'000;

std::string RandomText(std::mt19937& random, std::size_t size) {
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>(' ' + random() % 95);
  return text;
}

// Enough objects, and large enough, that their sizes are worth a file.
void FillMany(const std::filesystem::path& upstream) {
  testing::RepositoryBuilder builder(upstream);
  std::mt19937 random(7);
  std::vector<testing::Change> changes;
  for (int i = 0; i < kManyFiles; ++i) {
    changes.push_back(File("d" + std::to_string(i % 100) + "/" + std::to_string(i),
                           RandomText(random, 500 + random() % 100)));
  }
  builder.Commit("main", "many", changes);
  const std::string edited = RandomText(random, 2'000);
  builder.Commit("main", "one", {File("edited", edited)});
  builder.Commit("main", "two", {File("edited", edited + "more")});
  builder.Finish();
}

using ObjectSizes = std::vector<std::pair<Oid, std::uint64_t>>;

// What git says.
ObjectSizes AllSizes(const std::filesystem::path& repository) {
  std::istringstream lines(testing::Git(repository, {"cat-file", "--batch-all-objects",
                                                     "--batch-check=%(objectname) %(objectsize)"}));
  ObjectSizes all;
  std::string hex;
  std::uint64_t size;
  while (lines >> hex >> size) all.emplace_back(OidOf(hex), size);
  return all;
}

class PackSizesTest : public ::testing::Test {
 protected:
  PackSizesTest() {
    std::mt19937 random(1);
    testing::RepositoryBuilder builder(git_.path());
    std::string text = RandomText(random, 5'000);
    for (int i = 0; i < 20; ++i) {
      builder.Commit("main", "c", {File("text", text += "more"), File(std::to_string(i), "x")});
    }
    builder.Finish();
    stem_ = git_.Pack(packs_, "main");
  }

  std::filesystem::path SizesPath() const { return packs_ / (stem_ + ".sizes"); }
  PackPtr Open() const { return *Pack::Open(packs_, stem_); }

  // Each one more than it is, so that it shows where a size comes from.
  void WriteWrongSizes() {
    const PackPtr pack = Open();
    auto sizes = *ReadAllSizes(*pack, [] { return Status(); });
    for (std::uint64_t& size : sizes) ++size;
    ASSERT_TRUE(WritePackSizes(SizesPath(), sizes, pack->index().pack_checksum()));
  }

  void ExpectSizesAreRight() const {
    const PackPtr pack = Open();
    for (const auto& [id, size] : AllSizes(git_.path())) {
      EXPECT_EQ(*pack->ReadSize(*pack->index().Find(id)), size);
    }
  }

  testing::TempDir directory_{"pack-sizes"};
  PackedRepository git_{directory_ / "git"};
  const std::filesystem::path packs_ = directory_ / "objects/pack";
  std::string stem_;
};

TEST_F(PackSizesTest, AreThoseOfGit) {
  const PackPtr pack = Open();
  EXPECT_FALSE(pack->has_sizes());
  const auto sizes = ReadAllSizes(*pack, [] { return Status(); });
  ASSERT_TRUE(sizes);
  for (const auto& [id, size] : AllSizes(git_.path())) {
    EXPECT_EQ((*sizes)[*pack->index().Find(id)], size) << id.Hex();
  }
  ASSERT_TRUE(WritePackSizes(SizesPath(), *sizes, pack->index().pack_checksum()));
  EXPECT_TRUE(Open()->has_sizes());
  ExpectSizesAreRight();
}

TEST_F(PackSizesTest, SpareReadingThePack) {
  WriteWrongSizes();
  const PackPtr pack = Open();
  for (const auto& [id, size] : AllSizes(git_.path())) {
    EXPECT_EQ(*pack->ReadSize(*pack->index().Find(id)), size + 1);
  }
}

TEST_F(PackSizesTest, WhateverIsDamagedIsNotBelieved) {
  WriteWrongSizes();
  const std::string whole = testing::ReadFile(SizesPath());
  std::mt19937 random(1);
  for (std::size_t at = 0; at < whole.size(); at += 1 + random() % 7) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
    testing::WriteFile(SizesPath(), damaged);
    EXPECT_FALSE(Open()->has_sizes()) << at;
  }
  for (const std::string& damaged :
       {std::string(), whole.substr(0, 3), whole.substr(0, whole.size() - 1), whole + "x"}) {
    testing::WriteFile(SizesPath(), damaged);
    EXPECT_FALSE(Open()->has_sizes()) << damaged.size();
  }
  ExpectSizesAreRight();
}

TEST_F(PackSizesTest, OfAnotherPackAreNotBelieved) {
  const auto sizes = *ReadAllSizes(*Open(), [] { return Status(); });
  ASSERT_TRUE(WritePackSizes(SizesPath(), sizes, Oid{}));
  EXPECT_FALSE(Open()->has_sizes());
}

TEST_F(PackSizesTest, WhatDoesNotFitIsReadFromThePack) {
  const PackPtr pack = Open();
  std::vector<std::uint64_t> sizes(pack->index().object_count(), 1ull << 32);
  sizes[0] = 0xfffffffe;
  ASSERT_TRUE(WritePackSizes(SizesPath(), sizes, pack->index().pack_checksum()));
  const PackPtr with_sizes = Open();
  EXPECT_EQ(*with_sizes->ReadSize(0), 0xfffffffe);
  EXPECT_EQ(*with_sizes->ReadSize(1), *pack->ReadSize(1));
}

TEST_F(PackSizesTest, ReadingThemCanBeGivenUp) {
  const auto sizes = ReadAllSizes(*Open(), [] { return Error{Errc::kInterrupted, "enough"}; });
  ASSERT_FALSE(sizes);
  EXPECT_EQ(sizes.error().code, Errc::kInterrupted);
}

TEST_F(PackSizesTest, AreNotWorthItForFewOrTinyObjects) {
  EXPECT_FALSE(WorthPackSizes(9'999, 1ull << 30));
  EXPECT_TRUE(WorthPackSizes(10'000, 4'000'000));
  EXPECT_FALSE(WorthPackSizes(10'000, 3'999'999));
}

class StoredPackSizesTest : public CacheTest {
 protected:
  StoredPackSizesTest() {
    FillMany(MakeUpstream("many"));
    Open();
  }

  // The names of the packs, and of the sizes, without suffixes.
  std::vector<std::string> Stems(const std::string& suffix) {
    std::vector<std::string> stems;
    for (const std::string& name : testing::List(Repo("many")->directory().packs())) {
      if (name.ends_with(suffix)) stems.push_back(name.substr(0, name.size() - suffix.size()));
    }
    return stems;
  }

  void ExpectSizesOfEverything() {
    ASSERT_EQ(Stems(".sizes"), Stems(".idx"));
    ASSERT_EQ(Stems(".idx").size(), 1u);
    const std::filesystem::path packs = Repo("many")->directory().packs();
    ExpectSizesOfEverything(**Pack::Open(packs, Stems(".idx").front()));
  }

  void ExpectSizesOfEverything(const Pack& pack) const {
    ASSERT_TRUE(pack.has_sizes());
    std::uint32_t found_count = 0;
    for (const auto& [id, size] : AllSizes(Upstream("many"))) {
      const auto position = pack.index().Find(id);
      if (!position) continue;
      ++found_count;
      EXPECT_EQ(*pack.ReadSize(*position), size);
    }
    EXPECT_EQ(found_count, pack.index().object_count());
  }
};

TEST_F(StoredPackSizesTest, ComeWithAPackThatIsIndexedHere) {
  testing::RunOptions run;
  run.directory = Upstream("many");
  const std::string stream =
      testing::Sh("echo main | git pack-objects --revs --delta-base-offset -q --stdout", run).out;
  const auto engine = IoEngine::Create({});
  PackIndexerOptions options;
  options.engine = engine.get();
  options.directory = directory_ / "packs";
  std::filesystem::create_directory(options.directory);
  auto created = PackIndexer::Create(options);
  ASSERT_TRUE(created);
  const auto indexer = std::move(*created);
  ASSERT_TRUE(indexer->Add(stream));
  ASSERT_TRUE(indexer->Finish());
  ExpectSizesOfEverything(**Pack::Open(options.directory, indexer->name()));
}

TEST_F(StoredPackSizesTest, ComeWithAPackThatGitMadeOfMany) {
  ASSERT_TRUE(Warm("many", Stage::kComplete));
  ASSERT_TRUE(IsQuietSoon());
  ExpectSizesOfEverything();
  EXPECT_EQ(Repo("many")->directory().SizeBytes(), Repo("many")->size_bytes());
}

TEST_F(StoredPackSizesTest, AreMadeAgainAtTheNextCheck) {
  ASSERT_TRUE(Warm("many", Stage::kComplete));
  ASSERT_TRUE(IsQuietSoon());
  const std::string name = Stems(".sizes").front() + ".sizes";
  for (const bool missing : {true, false}) {
    const std::filesystem::path path = Repo("many")->directory().packs() / name;
    std::filesystem::remove(path);
    if (!missing) testing::WriteFile(path, "damaged");
    Close();
    Open();
    ASSERT_TRUE(Resolve("many"));
    EXPECT_TRUE(Repo("many")->objects().LacksSizes());
    ASSERT_TRUE(cache_->Refresh(Repo("many"))->Wait());
    ASSERT_TRUE(IsQuietSoon());
    EXPECT_FALSE(Repo("many")->objects().LacksSizes());
    ExpectSizesOfEverything();
  }
}

}  // namespace
}  // namespace reposfs
