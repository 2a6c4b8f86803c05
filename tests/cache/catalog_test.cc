#include "cache/catalog.h"

#include <gtest/gtest.h>

#include <thread>

#include "cache/job_queue.h"
#include "tests/support/command.h"
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
  RepositoryChange change;
  change.reached = Stage::kContent;
  change.size_bytes = 5'000'000'000;
  change.head = std::string(40, 'a');
  change.last_fetched = At(1);
  change.last_checked = At(2);
  change.last_changed = At(3);
  change.failure = {"it's \"broken\"; DROP TABLE repositories", "io", At(4)};
  ASSERT_TRUE(catalog_->Change(id, change));
  ASSERT_TRUE(catalog_->SetPinned(id, true));
  ASSERT_TRUE(catalog_->PutRoot(id, RootRecord{Id('a'), Stage::kTip}));
  Reopen();
  const RepositoryRecord read = Record(id);
  EXPECT_EQ(read.stage, Stage::kContent);
  EXPECT_EQ(read.size_bytes, 5'000'000'000);
  EXPECT_EQ(read.head, std::string(40, 'a'));
  EXPECT_EQ(read.last_fetched, At(1));
  EXPECT_EQ(read.last_checked, At(2));
  EXPECT_EQ(read.last_changed, At(3));
  EXPECT_EQ(read.error, change.failure->message);
  EXPECT_EQ(read.error_code, "io");
  EXPECT_EQ(read.error_at, At(4));
  EXPECT_TRUE(read.pinned);
  ASSERT_EQ(catalog_->Roots()->at(id).size(), 1u);
  EXPECT_EQ(catalog_->Roots()->at(id).at(0).commit, Id('a'));
}

TEST_F(CatalogTest, AChangeLeavesWhatItDoesNotName) {
  const std::int64_t id = Add("h/o/n");
  RepositoryChange everything;
  everything.reached = Stage::kComplete;
  everything.size_bytes = 5;
  everything.head = "head";
  everything.last_checked = At(2);
  everything.failure = {"broken", "io", At(4)};
  ASSERT_TRUE(catalog_->Change(id, everything));
  ASSERT_TRUE(catalog_->SetPinned(id, true));
  ASSERT_TRUE(catalog_->RecordOpened({OpenedRecord{id, At(7), 3}}));

  RepositoryChange little;
  little.reached = Stage::kTip;
  little.last_fetched = At(9);
  const auto changed = catalog_->Change(id, little);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->stage, Stage::kComplete) << "a stage is raised, never lowered";
  EXPECT_EQ(changed->size_bytes, 5u);
  EXPECT_EQ(changed->head, "head");
  EXPECT_EQ(changed->last_fetched, At(9));
  EXPECT_EQ(changed->last_checked, At(2));
  EXPECT_EQ(changed->error, "broken");
  EXPECT_TRUE(changed->pinned);
  EXPECT_EQ(changed->last_opened, At(7));
  EXPECT_EQ(changed->open_count, 3);
}

TEST_F(CatalogTest, EachChangeHasALaterRevision) {
  const std::int64_t id = Add("h/o/n");
  std::int64_t last = Record(id).revision;
  const auto grows = [&] { return last < Record(id).revision && (last = Record(id).revision) > 0; };
  EXPECT_GT(Record(Add("h/o/other")).revision, last);
  ASSERT_TRUE(catalog_->Change(id, RepositoryChange{}));
  EXPECT_TRUE(grows());
  ASSERT_TRUE(catalog_->SetPinned(id, true));
  EXPECT_TRUE(grows());
  ASSERT_TRUE(catalog_->PutRoot(id, RootRecord{Id('a'), Stage::kTip}));
  EXPECT_TRUE(grows());
  ASSERT_TRUE(catalog_->Evict(id, EvictionRecord{}));
  EXPECT_TRUE(grows());
  ASSERT_TRUE(catalog_->RecordOpened({OpenedRecord{id, At(7), 3}}));
  EXPECT_FALSE(grows()) << "opens are too many to tell everybody";
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
    RepositoryChange change;
    change.reached = Stage::kContent;
    change.size_bytes = 10;
    ASSERT_TRUE(catalog_->Change(repository, change));
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

TEST_F(CatalogTest, AnOlderSchemaIsBroughtUpToDate) {
  const std::filesystem::path path = directory_ / "old.db";
  testing::Output({"sqlite3", path.string(), R"sql(
CREATE TABLE repositories (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,
  upstream TEXT NOT NULL, stage INTEGER NOT NULL DEFAULT 0, size_bytes INTEGER NOT NULL DEFAULT 0,
  last_opened INTEGER NOT NULL DEFAULT 0, open_count INTEGER NOT NULL DEFAULT 0,
  pinned INTEGER NOT NULL DEFAULT 0, head TEXT NOT NULL DEFAULT '',
  last_fetched INTEGER NOT NULL DEFAULT 0, last_checked INTEGER NOT NULL DEFAULT 0,
  last_changed INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '',
  error_code TEXT NOT NULL DEFAULT '', error_at INTEGER NOT NULL DEFAULT 0);
CREATE TABLE roots (repository INTEGER NOT NULL REFERENCES repositories(id),
  commit_id TEXT NOT NULL, stage INTEGER NOT NULL, PRIMARY KEY (repository, commit_id)) WITHOUT ROWID;
CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT,
  repository INTEGER NOT NULL REFERENCES repositories(id), kind TEXT NOT NULL,
  argument TEXT NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL,
  not_before INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT '', lease_owner TEXT NOT NULL DEFAULT '',
  lease_until INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL,
  UNIQUE (repository, kind, argument));
CREATE INDEX jobs_by_priority ON jobs (state, priority DESC, id);
CREATE TABLE evictions (at INTEGER NOT NULL, key TEXT NOT NULL, reason TEXT NOT NULL,
  size_bytes INTEGER NOT NULL, for_key TEXT NOT NULL);
CREATE INDEX evictions_by_time ON evictions (at);
INSERT INTO repositories (key, upstream, stage, open_count) VALUES ('h/o/n', 'file:///n', 3, 7);
INSERT INTO jobs (repository, kind, argument, priority, state, not_before, attempts, created_at)
  VALUES (1, 'fetch', '', 10, 'queued', 0, 4, 0);
PRAGMA user_version = 1;
)sql"});
  auto catalog = Catalog::Open(path);
  ASSERT_TRUE(catalog) << catalog.error().message;
  const auto records = catalog->Repositories();
  ASSERT_EQ(records->size(), 1u);
  EXPECT_EQ(records->at(0).stage, Stage::kComplete);
  EXPECT_EQ(records->at(0).open_count, 7);
  EXPECT_TRUE(catalog->Change(records->at(0).id, RepositoryChange{}));
  const auto jobs = JobQueue(catalog->database()).List();
  ASSERT_EQ(jobs->size(), 1u);
  EXPECT_EQ(jobs->at(0).claims, 4)
      << "no staging of an earlier attempt is taken for the next one's";
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
