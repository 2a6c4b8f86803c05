#include "cache/catalog.h"

#include <gtest/gtest.h>

#include <thread>

#include "cache/job_queue.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;

constexpr WallTime At(int ms) {
  return WallTime(milliseconds(ms));
}
Oid Id(char digit) {
  return *Oid::FromHex(std::string(40, digit));
}

class CatalogTest : public ::testing::Test {
 protected:
  CatalogTest() { Reopen(); }

  void TearDown() override {
    catalog_.reset();
    EXPECT_EQ(testing::OpenFdCount(), fd_count_) << "leaked";
  }

  std::filesystem::path Path() const { return directory_ / "catalog.db"; }

  void Reopen() {
    catalog_.reset();
    auto catalog = Catalog::Open(Path());
    if (!catalog) throw std::runtime_error(catalog.error().message);
    catalog_ = std::make_unique<Catalog>(std::move(*catalog));
  }

  std::int64_t Add(const std::string& key) {
    auto id = catalog_->AddRepository(key, "file:///" + key);
    EXPECT_TRUE(id);
    return id ? *id : 0;
  }

  RepositoryRecord Record(std::int64_t id) {
    const auto records = catalog_->Repositories();
    EXPECT_TRUE(records);
    for (const RepositoryRecord& record : *records) {
      if (record.id == id) return record;
    }
    ADD_FAILURE() << "no repository " << id;
    return {};
  }

  const std::size_t fd_count_ = testing::OpenFdCount();
  testing::TempDir directory_{"catalog"};
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogTest, ANewRepositoryIsAbsent) {
  const RepositoryRecord record = Record(Add("h/o/n"));
  EXPECT_EQ(record.key, "h/o/n");
  EXPECT_EQ(record.upstream, "file:///h/o/n");
  EXPECT_EQ(record.stage, Stage::kAbsent);
  EXPECT_EQ(record.size_bytes, 0u);
  EXPECT_EQ(record.last_opened, WallTime{});
  EXPECT_FALSE(record.pinned);
}

TEST_F(CatalogTest, AddingAgainFindsTheSameOne) {
  const std::int64_t id = Add("h/o/n");
  EXPECT_EQ(*catalog_->AddRepository("h/o/n", "file:///moved"), id);
  EXPECT_EQ(Record(id).upstream, "file:///moved");
  EXPECT_EQ(catalog_->Repositories()->size(), 1u);
}

TEST_F(CatalogTest, WhatIsWrittenIsThereAfterReopening) {
  const std::int64_t id = Add("h/o/n");
  RepositoryRecord record = Record(id);
  record.upstream = "file:///elsewhere";
  record.stage = Stage::kContent;
  record.size_bytes = 5'000'000'000;
  record.head = std::string(40, 'a');
  record.last_fetched = At(1);
  record.last_checked = At(2);
  record.last_changed = At(3);
  record.error = "it's \"broken\"; DROP TABLE repositories";
  record.error_code = "io";
  record.error_at = At(4);
  ASSERT_TRUE(catalog_->Update(record));
  ASSERT_TRUE(catalog_->SetPinned(id, true));
  ASSERT_TRUE(catalog_->PutRoot(id, RootRecord{Id('a'), Stage::kTip}));
  Reopen();
  const RepositoryRecord read = Record(id);
  EXPECT_EQ(read.upstream, record.upstream);
  EXPECT_EQ(read.stage, record.stage);
  EXPECT_EQ(read.size_bytes, record.size_bytes);
  EXPECT_EQ(read.head, record.head);
  EXPECT_EQ(read.last_fetched, record.last_fetched);
  EXPECT_EQ(read.last_checked, record.last_checked);
  EXPECT_EQ(read.last_changed, record.last_changed);
  EXPECT_EQ(read.error, record.error);
  EXPECT_EQ(read.error_code, record.error_code);
  EXPECT_EQ(read.error_at, record.error_at);
  EXPECT_TRUE(read.pinned);
  ASSERT_EQ(catalog_->Roots()->at(id).size(), 1u);
  EXPECT_EQ(catalog_->Roots()->at(id).at(0).commit, Id('a'));
}

TEST_F(CatalogTest, UpdateLeavesWhatUsersAndOpensDecide) {
  const std::int64_t id = Add("h/o/n");
  const RepositoryRecord stale = Record(id);
  ASSERT_TRUE(catalog_->SetPinned(id, true));
  ASSERT_TRUE(catalog_->RecordOpened({OpenedRecord{id, At(7), 3}}));
  ASSERT_TRUE(catalog_->Update(stale));
  EXPECT_TRUE(Record(id).pinned);
  EXPECT_EQ(Record(id).last_opened, At(7));
  EXPECT_EQ(Record(id).open_count, 3);
}

TEST_F(CatalogTest, OpensAddUp) {
  const std::int64_t a = Add("h/o/a");
  const std::int64_t b = Add("h/o/b");
  ASSERT_TRUE(catalog_->RecordOpened({OpenedRecord{a, At(1), 2}, OpenedRecord{b, At(1), 5}}));
  ASSERT_TRUE(catalog_->RecordOpened({OpenedRecord{a, At(9), 1}}));
  EXPECT_EQ(Record(a).open_count, 3);
  EXPECT_EQ(Record(a).last_opened, At(9));
  EXPECT_EQ(Record(b).open_count, 5);
}

TEST_F(CatalogTest, ARootIsRaisedNeverLowered) {
  const std::int64_t id = Add("h/o/n");
  ASSERT_TRUE(catalog_->PutRoot(id, RootRecord{Id('a'), Stage::kContent}));
  ASSERT_TRUE(catalog_->PutRoot(id, RootRecord{Id('a'), Stage::kTip}));
  ASSERT_EQ(catalog_->Roots()->at(id).size(), 1u);
  EXPECT_EQ(catalog_->Roots()->at(id).at(0).stage, Stage::kContent);
}

TEST_F(CatalogTest, AnEvictionIsOneStep) {
  const std::int64_t id = Add("h/o/n");
  const std::int64_t other = Add("h/o/other");
  for (const std::int64_t repository : {id, other}) {
    RepositoryRecord record = Record(repository);
    record.stage = Stage::kContent;
    record.size_bytes = 10;
    ASSERT_TRUE(catalog_->Update(record));
    ASSERT_TRUE(catalog_->PutRoot(repository, RootRecord{Id('a'), Stage::kContent}));
  }
  JobQueue queue(catalog_->database());
  ASSERT_TRUE(queue.Put(JobSpec{id, JobKind::kHistory, "", 1}, At(1)));
  ASSERT_TRUE(queue.Put(JobSpec{other, JobKind::kHistory, "", 1}, At(1)));
  ASSERT_TRUE(catalog_->SetPinned(id, true));
  ASSERT_TRUE(catalog_->RecordOpened({OpenedRecord{id, At(5), 2}}));

  ASSERT_TRUE(catalog_->Evict(id, EvictionRecord{At(9), "h/o/n", "quota", 10, "h/o/other"}));

  EXPECT_EQ(Record(id).stage, Stage::kAbsent);
  EXPECT_EQ(Record(id).size_bytes, 0u);
  EXPECT_EQ(Record(id).open_count, 2) << "its history as a member of the cache stays";
  EXPECT_FALSE(catalog_->Roots()->contains(id));
  ASSERT_EQ(queue.List()->size(), 1u);
  EXPECT_EQ(queue.List()->at(0).repository, other);
  EXPECT_EQ(Record(other).stage, Stage::kContent);
  EXPECT_EQ(catalog_->Roots()->at(other).size(), 1u);
}

TEST_F(CatalogTest, EvictionsAreToldNewestFirst) {
  const std::int64_t id = Add("h/o/n");
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(catalog_->Evict(
        id, EvictionRecord{At(i), i == 2 ? "h/o/x" : "h/o/n", "quota", 10, "h/o/y"}));
  }
  const auto all = catalog_->Evictions("", 2);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ(all->at(0).at, At(3));
  EXPECT_EQ(all->at(0).reason, "quota");
  EXPECT_EQ(all->at(0).size_bytes, 10u);
  EXPECT_EQ(all->at(0).for_key, "h/o/y");
  EXPECT_EQ(all->at(1).key, "h/o/x");
  EXPECT_EQ(catalog_->Evictions("h/o/n", 10)->size(), 2u);
}

TEST_F(CatalogTest, ANewerSchemaIsRefused) {
  {
    MutexLock lock(catalog_->database()->mutex);
    ASSERT_TRUE(catalog_->database()->Execute("PRAGMA user_version = 99"));
  }
  catalog_.reset();
  const auto catalog = Catalog::Open(Path());
  ASSERT_FALSE(catalog);
  EXPECT_EQ(catalog.error().code, Errc::kUnsupported);
}

TEST_F(CatalogTest, AFileThatIsNoDatabaseIsCorrupt) {
  testing::WriteFile(directory_ / "other.db", std::string(5000, 'x'));
  const auto catalog = Catalog::Open(directory_ / "other.db");
  ASSERT_FALSE(catalog);
  EXPECT_EQ(catalog.error().code, Errc::kCorrupt);
}

TEST_F(CatalogTest, ADirectoryThatIsNotThereIsAnError) {
  EXPECT_FALSE(Catalog::Open(directory_ / "none/catalog.db"));
}

TEST_F(CatalogTest, TwoConnectionsWriteAtTheSameTime) {
  auto second = Catalog::Open(Path());
  ASSERT_TRUE(second);
  const std::int64_t id = Add("h/o/n");
  const auto count = [id](Catalog& catalog) {
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(catalog.RecordOpened({OpenedRecord{id, At(1), 1}}));
    }
  };
  std::thread other([&] { count(*second); });
  count(*catalog_);
  other.join();
  EXPECT_EQ(Record(id).open_count, 200);
}

TEST(StageTest, IsParsedFromItsName) {
  for (const Stage stage : {Stage::kAbsent, Stage::kTip, Stage::kContent, Stage::kComplete}) {
    EXPECT_EQ(*ParseStage(StageName(stage)), stage);
  }
  const auto none = ParseStage("everything");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::kInvalidArgument);
}

}  // namespace
}  // namespace reposfs
