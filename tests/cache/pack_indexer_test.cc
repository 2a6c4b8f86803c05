#include "cache/pack_indexer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>

#include "cache/object_hash.h"
#include "cache/pack_index_writer.h"
#include "tests/cache/pack_builder.h"
#include "tests/cache/packed_repository.h"
#include "tests/support/files.h"

namespace reposfs {
namespace {

using testing::File;
using testing::List;
using testing::ReadFile;

Oid IdOf(ObjectType type, std::string_view content) {
  return *HashObject(type, content);
}

// A text whose versions git stores as deltas.
std::string Text(int seed, int changed_line) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::string text;
  for (int line = 0; line < 200; ++line) {
    text += line == changed_line ? "changed " + std::to_string(changed_line * seed) + "\n"
                                 : "line " + std::to_string(random()) + "\n";
  }
  return text;
}

class PackIndexerTest : public ::testing::Test {
 protected:
  PackIndexerTest() {
    testing::Output({"git", "init", "-q", "--bare", (directory_ / "git").string()});
  }
  ~PackIndexerTest() override {
    indexer_.reset();
    EXPECT_EQ(testing::OpenFdCount(), fd_count_) << "a descriptor was left open";
  }

  std::filesystem::path Packs() const { return directory_ / "packs"; }

  const std::unique_ptr<IoEngine> engine_ = IoEngine::Create({});

  Status Index(const std::string& pack, std::size_t piece_size = 65515,
               std::shared_ptr<const ObjectStore> bases = nullptr) {
    indexer_.reset();
    std::filesystem::remove_all(Packs());
    std::filesystem::create_directory(Packs());
    PackIndexerOptions options;
    options.engine = engine_.get();
    options.directory = Packs();
    options.bases = std::move(bases);
    options.keep_going = [this] { return keep_going_; };
    auto indexer = PackIndexer::Create(std::move(options));
    if (!indexer) return std::move(indexer).error();
    indexer_ = std::move(*indexer);
    for (std::size_t at = 0; at < pack.size(); at += piece_size) {
      if (auto added = indexer_->Add(std::string_view(pack).substr(at, piece_size)); !added) {
        return added;
      }
    }
    return indexer_->Finish();
  }

  // That it fails so, and leaves nothing behind.
  void ExpectRefused(const std::string& pack, Errc code, const std::string& message) {
    const auto status = Index(pack);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, code) << status.error().message;
    EXPECT_NE(status.error().message.find(message), std::string::npos) << status.error().message;
    indexer_.reset();
    EXPECT_EQ(List(Packs()), std::vector<std::string>{});
  }

  // Indexes `pack` with git, too, and compares every byte.
  void ExpectSameAsGit(const std::string& pack) {
    const auto status = Index(pack);
    ASSERT_TRUE(status) << status.error().message;
    testing::RunOptions input;
    input.stdin_text = pack;
    testing::Output(
        {"git", "-C", (directory_ / "git").string(), "index-pack", "--stdin", "--rev-index"},
        input);
    for (const char* suffix : {".pack", ".idx", ".rev"}) {
      const std::string name = indexer_->name() + suffix;
      EXPECT_EQ(ReadFile(Packs() / name), ReadFile(directory_ / "git/objects/pack" / name)) << name;
    }
  }

  // A history whose pack has deltas of every type of object.
  PackedRepository& History() {
    if (!history_) {
      history_.emplace(directory_ / "history");
      testing::RepositoryBuilder builder(history_->path());
      for (int i = 0; i < 40; ++i) {
        builder.Commit("main", "commit " + std::to_string(i),
                       {File("d/text" + std::to_string(i % 3), Text(i % 3, i)),
                        File("d/e/" + std::to_string(i), std::to_string(i))});
      }
      builder.Finish();
    }
    return *history_;
  }

  // The stream of `git pack-objects` with `options` for `revisions`.
  std::string Packed(const std::string& options, const std::string& revisions) {
    testing::RunOptions run;
    run.directory = History().path();
    const auto packed = testing::Sh(
        "printf '%s\\n' " + revisions + " | git pack-objects --revs " + options + " -q --stdout",
        run);
    if (!packed.ok()) throw std::runtime_error(packed.err);
    return packed.out;
  }

  std::string VerifyPack() {
    return testing::Output(
        {"git", "verify-pack", "-v", (Packs() / (indexer_->name() + ".idx")).string()});
  }

  const std::size_t fd_count_ = testing::OpenFdCount();
  testing::TempDir directory_{"pack-indexer"};
  std::optional<PackedRepository> history_;
  std::unique_ptr<PackIndexer> indexer_;
  Status keep_going_;
};

TEST_F(PackIndexerTest, IndexesAHistoryAsGitDoes) {
  const std::string pack = Packed("--delta-base-offset --depth=50", "main");
  ExpectSameAsGit(pack);
  EXPECT_GT(indexer_->object_count(), 160u);
  EXPECT_NE(VerifyPack().find("chain length = 2"), std::string::npos) << "should test deltas";
}

TEST_F(PackIndexerTest, FindsBasesByTheirIds) {
  ExpectSameAsGit(Packed("", "main"));
}

TEST_F(PackIndexerTest, IndexesATipWithoutBlobsAndAnEmptyPack) {
  ExpectSameAsGit(Packed("--filter=blob:none --delta-base-offset", "main"));
  ExpectSameAsGit(PackBuilder().Build());
}

TEST_F(PackIndexerTest, PiecesMayBeginAndEndAnywhere) {
  const std::string pack = Packed("--delta-base-offset", "main");
  for (const std::size_t piece_size : {1u, 2u, 7u, 1000u}) {
    const auto status = Index(pack, piece_size);
    ASSERT_TRUE(status) << piece_size << ": " << status.error().message;
    EXPECT_EQ(List(Packs()).size(), 3u);
  }
}

TEST_F(PackIndexerTest, ObjectsAreVisibleOnlyWhenAllIsWell) {
  const std::string pack = Packed("--delta-base-offset", "main");
  std::filesystem::create_directory(Packs());
  auto indexer = PackIndexer::Create({engine_.get(), Packs(), nullptr, 0, {}});
  ASSERT_TRUE(indexer);
  ASSERT_TRUE((*indexer)->Add(pack));
  for (const std::string& name : List(Packs())) EXPECT_FALSE(name.starts_with("pack-")) << name;
  indexer->reset();
  EXPECT_TRUE(List(Packs()).empty()) << "a transfer given up should leave nothing";
}

TEST_F(PackIndexerTest, CommitsAndTreesAreToldOfAsTheyCome) {
  const std::string commit = "not checked yet";
  const std::string tree = "nor is this";
  PackBuilder builder;
  builder.Object(ObjectType::kCommit, commit);
  const std::size_t base = builder.Object(ObjectType::kTree, tree);
  builder.OffsetDelta(base, Delta(tree.size(), 1, Insert("x")));
  builder.Object(ObjectType::kBlob, Text(1, 1));
  const std::string pack = builder.Build();
  std::vector<std::pair<ObjectType, std::string>> told;
  std::filesystem::create_directory(Packs());
  PackIndexerOptions options{engine_.get(), Packs(), nullptr, 0, {}};
  options.on_object = [&](ObjectType type, std::string_view content) {
    told.emplace_back(type, content);
  };
  auto indexer = PackIndexer::Create(std::move(options));
  ASSERT_TRUE(indexer);
  ASSERT_TRUE((*indexer)->Add(std::string_view(pack).substr(0, pack.size() - kPackTrailerSize)));
  const std::vector<std::pair<ObjectType, std::string>> expected = {{ObjectType::kCommit, commit},
                                                                    {ObjectType::kTree, tree}};
  EXPECT_EQ(told, expected);
}

TEST_F(PackIndexerTest, LargeObjectsAreHashedInPieces) {
  std::string blob;
  for (int i = 0; blob.size() <= PackIndexer::kInMemoryMaxBytes; ++i) blob += Text(i, i);
  std::string tree;
  while (tree.size() <= PackIndexer::kInMemoryMaxBytes) {
    tree += "100644 f" + std::to_string(1'000'000 + tree.size()) + std::string(1, '\0') +
            std::string(20, 'x');
  }
  PackBuilder builder;
  const std::size_t base = builder.Object(ObjectType::kBlob, blob);
  builder.Object(ObjectType::kTree, tree);
  builder.OffsetDelta(base, Delta(blob.size(), 5, Copy(0, 4) + Insert("x")));
  ExpectSameAsGit(builder.Build());

  builder.Object(ObjectType::kTree, "x" + tree);
  ExpectRefused(builder.Build(), Errc::kCorrupt, "the mode of an entry is malformed");
}

TEST_F(PackIndexerTest, AChainMayBeAsLongAsThePack) {
  PackBuilder builder;
  std::size_t base = builder.Object(ObjectType::kBlob, "0");
  for (std::uint32_t i = 1; i < 20'000; ++i) {
    base = builder.OffsetDelta(base, Delta(i, i + 1, Copy(0, i) + Insert("x")));
  }
  const auto status = Index(builder.Build());
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(indexer_->object_count(), 20'000u);
}

TEST_F(PackIndexerTest, AStreamLongerThanZlibWouldMakeItIsInflated) {
  // Empty stored blocks in front of a stored block of 3 bytes.
  std::string stream = "\x78\x01";
  for (int i = 0; i < 1000; ++i) stream += std::string("\x00\x00\x00\xff\xff", 5);
  stream += std::string("\x01\x03\x00\xfc\xff", 5) + "abc" + std::string("\x02\x4d\x01\x27", 4);
  PackBuilder builder;
  builder.Entry(PackEntryHeaderBytes(ObjectType::kBlob, 3), stream);
  builder.Object(ObjectType::kBlob, "more");
  ExpectSameAsGit(builder.Build());
}

TEST_F(PackIndexerTest, OffsetsBehind2GiBStandInATableOfTheirOwn) {
  ASSERT_TRUE(Index(Packed("--delta-base-offset", "main")));
  const std::string pack = Packs() / (indexer_->name() + ".pack");
  const std::string expected = directory_ / "expected.idx";
  testing::Output({"git", "index-pack", "--index-version=2,0x800", "-o", expected, pack});
  // What the table held, read back from the index.
  PackEntryTable entries(1000);
  testing::RunOptions input;
  input.stdin_text = ReadFile(Packs() / (indexer_->name() + ".idx"));
  std::vector<PackEntry> found;
  const std::string shown = testing::Output({"git", "show-index"}, input);
  std::istringstream lines(shown);
  std::string offset, id, crc;
  while (lines >> offset >> id >> crc) {
    PackEntry entry;
    entry.offset = std::stoull(offset);
    entry.oid = OidOf(id);
    entry.crc32 = static_cast<std::uint32_t>(std::stoul(crc.substr(1), nullptr, 16));
    entry.resolved = true;
    found.push_back(entry);
  }
  std::sort(found.begin(), found.end(),
            [](const PackEntry& a, const PackEntry& b) { return a.offset < b.offset; });
  for (const PackEntry& entry : found) entries.Append(entry);
  const auto order = SortByOid(entries);
  ASSERT_TRUE(order);
  const Oid checksum = OidOf(indexer_->name().substr(5));
  ASSERT_TRUE(WritePackIndex(directory_ / "own.idx", entries, *order, checksum, 0x800));
  EXPECT_EQ(ReadFile(directory_ / "own.idx"), ReadFile(expected));
}

class ThinPackTest : public PackIndexerTest {
 protected:
  // What is here already: the history up to `revisions`.
  std::shared_ptr<const ObjectStore> StoreWith(const std::string& revisions) {
    History().Pack(directory_ / "store/pack", revisions);
    return std::make_shared<ObjectStore>(directory_ / "store");
  }
};

TEST_F(ThinPackTest, BasesComeFromTheStore) {
  const auto store = StoreWith("main~5");
  const std::string thin = Packed("--thin --delta-base-offset", "main ^main~5");
  EXPECT_FALSE(Index(thin)) << "should be thin";
  const auto status = Index(thin, 65515, store);
  ASSERT_TRUE(status) << status.error().message;
  VerifyPack();
  EXPECT_EQ(List(Packs()).size(), 3u);

  // git completes it with the same bases.
  std::filesystem::copy(directory_ / "store/pack", directory_ / "git/objects/pack",
                        std::filesystem::copy_options::recursive);
  testing::RunOptions input;
  input.stdin_text = thin;
  const std::string said = testing::Output(
      {"git", "-C", (directory_ / "git").string(), "index-pack", "--stdin", "--fix-thin"}, input);
  const auto ids = [](const std::filesystem::path& index) {
    testing::RunOptions from;
    from.stdin_text = ReadFile(index);
    return testing::Sh("git show-index | cut -d' ' -f2", from).out;
  };
  const std::string gits = "pack-" + said.substr(said.find('\t') + 1) + ".idx";
  EXPECT_EQ(ids(Packs() / (indexer_->name() + ".idx")),
            ids(directory_ / "git/objects/pack" / gits));
}

TEST_F(ThinPackTest, ABaseThatIsNowhereIsCorrupt) {
  const auto store = std::make_shared<ObjectStore>(directory_ / "empty");
  PackBuilder builder;
  builder.RefDelta(IdOf(ObjectType::kBlob, "nowhere"), Delta(7, 1, Insert("x")));
  const auto status = Index(builder.Build(), 65515, store);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::kCorrupt);
}

TEST_F(PackIndexerTest, ATruncatedPackIsRefusedWhereverItEnds) {
  PackBuilder builder;
  const std::size_t base = builder.Object(ObjectType::kBlob, "0123456789");
  builder.OffsetDelta(base, Delta(10, 3, Copy(0, 3)));
  builder.RefDelta(IdOf(ObjectType::kBlob, "012"), Delta(3, 1, Copy(0, 1)));
  const std::string pack = builder.Build();
  ASSERT_TRUE(Index(pack));
  for (std::size_t size = 0; size < pack.size(); ++size) {
    const auto status = Index(pack.substr(0, size));
    ASSERT_FALSE(status) << size;
    EXPECT_EQ(status.error().code, Errc::kCorrupt);
  }
}

TEST_F(PackIndexerTest, WhatIsNotAsAnnouncedIsRefused) {
  PackBuilder builder;
  builder.Object(ObjectType::kBlob, "one");
  const std::string pack = builder.Build();
  ExpectRefused(pack + "x", Errc::kCorrupt, "it goes on behind its end");
  ExpectRefused(pack.substr(0, pack.size() - 1) + "x", Errc::kCorrupt, "its checksum is wrong");
  ExpectRefused(builder.Build(0), Errc::kCorrupt, "its checksum is wrong");
  ExpectRefused(builder.Build(2), Errc::kCorrupt, "");
  ExpectRefused(builder.Build(0xffffffff), Errc::kUnsupported, "4294967295 objects");
  ExpectRefused(builder.Build(PackIndexer::kEntryCountMax), Errc::kCorrupt, "");

  builder.Object(ObjectType::kBlob, "one");
  ExpectRefused(builder.Build(), Errc::kCorrupt, "a pack with two of");
}

TEST_F(PackIndexerTest, StreamsOfAnotherSizeThanDeclaredAreRefused) {
  for (const std::size_t declared : {0u, 9u, 11u, 100'000u}) {
    PackBuilder builder;
    builder.Entry(PackEntryHeaderBytes(ObjectType::kBlob, declared), Deflate("0123456789"));
    ExpectRefused(builder.Build(), Errc::kCorrupt, "zlib stream");
  }
  PackBuilder bomb;
  bomb.Entry(PackEntryHeaderBytes(ObjectType::kBlob, 1ull << 40), Deflate("0123456789"));
  ExpectRefused(bomb.Build(), Errc::kCorrupt, "shorter than declared");
}

TEST_F(PackIndexerTest, DeltasThatAskForTooMuchAreRefusedCheaply) {
  const std::uint64_t huge = 4ull << 30;
  PackBuilder result;
  const std::size_t base = result.Object(ObjectType::kBlob, std::string(0x10000, 'x'));
  std::string instructions;
  for (std::uint64_t size = 0; size < huge; size += 0xffffff) instructions += Copy(0, 0xffffff);
  result.OffsetDelta(base, Delta(0x10000, huge, instructions));
  ExpectRefused(result.Build(), Errc::kUnsupported, "an object of 4294967296 bytes");

  PackBuilder of_base;
  of_base.Object(ObjectType::kBlob, "x");
  of_base.OffsetDelta(kPackHeaderSize, Delta(huge, 1, Insert("y")));
  ExpectRefused(of_base.Build(), Errc::kUnsupported, "a base of 4294967296 bytes");

  PackBuilder tree;
  tree.Entry(PackEntryHeaderBytes(ObjectType::kTree, huge), Deflate("x"));
  ExpectRefused(tree.Build(), Errc::kUnsupported, "an object of 4294967296 bytes");
}

TEST_F(PackIndexerTest, BasesOutsideOfThePackAreRefused) {
  const std::string delta = Deflate(Delta(1, 1, Insert("y")));
  const std::string header = PackBuilder::DeltaHeader(6, 4);
  for (const std::string_view distance :
       {std::string_view("\x00", 1), std::string_view("\x01", 1), std::string_view("\x0c", 1),
        std::string_view("\x7f", 1)}) {
    PackBuilder builder;
    builder.Object(ObjectType::kBlob, "x");
    builder.Entry(header + std::string(distance), delta);
    ExpectRefused(builder.Build(), Errc::kCorrupt, "");
  }
}

TEST_F(PackIndexerTest, DeltasThatAreEachOthersBasesAreRefused) {
  const Oid a = IdOf(ObjectType::kBlob, "a");
  const Oid b = IdOf(ObjectType::kBlob, "b");
  PackBuilder builder;
  builder.RefDelta(a, Delta(1, 1, Insert("b")));
  builder.RefDelta(b, Delta(1, 1, Insert("a")));
  ExpectRefused(builder.Build(), Errc::kCorrupt, "it lacks the base");
}

TEST_F(PackIndexerTest, WhoeverAskedCanGiveUp) {
  keep_going_ = Error{Errc::kInterrupted, "enough"};
  PackBuilder builder;
  builder.Object(ObjectType::kBlob, "x");
  ExpectRefused(builder.Build(), Errc::kInterrupted, "enough");
}

// Whatever is changed in a pack, it is indexed or refused.  Sums are mended, so that the change is
// seen at all.
TEST_F(PackIndexerTest, MutationsAreIndexedOrRefused) {
  const std::string pack = Packed("--delta-base-offset", "main ^main~3");
  std::mt19937 random(1);
  int refused_count = 0;
  constexpr int kRounds = 500;
  for (int round = 0; round < kRounds; ++round) {
    std::string mutated = pack.substr(0, pack.size() - kPackTrailerSize);
    for (unsigned change = 0; change <= random() % 3; ++change) {
      const std::size_t at = random() % mutated.size();
      if (random() % 4 == 0) {
        mutated.erase(at, random() % 4);
      } else {
        mutated[at] = static_cast<char>(random());
      }
    }
    if (!Index(PackBuilder::WithChecksum(mutated), 1 + random() % 5000)) ++refused_count;
  }
  EXPECT_GT(refused_count, kRounds / 2);
}

}  // namespace
}  // namespace reposfs
