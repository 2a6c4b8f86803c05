#include "cache/inventory.h"

#include <gtest/gtest.h>

#include "cache/job_queue.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

const WallTime kNow = WallTime(std::chrono::hours(1));
const WallTime kLater = WallTime(std::chrono::hours(2));

Oid Id(char digit) {
  return *Oid::FromHex(std::string(Oid::kHexSize, digit));
}

class InventoryTest : public ::testing::Test {
 protected:
  InventoryTest() {
    EXPECT_TRUE(repository_.directory().Create());
    EXPECT_TRUE(catalog_.PutRoot(id_, {Id('1'), Stage::kTip}));
  }

  Catalog OpenCatalog() {
    auto catalog = Catalog::Open(directory_ / "catalog.db");
    if (!catalog) throw std::runtime_error(catalog.error().message);
    return std::move(*catalog);
  }
  RepositoryRecord Record() const {
    RepositoryRecord record;
    record.id = id_;
    return record;
  }

  // Another process, or another thread, begins a job.
  Job Begin(JobKind kind) {
    const auto job = queue_.Put({id_, kind, "", 10}, kNow);
    const auto mine = queue_.Claim(job->id, {"other", kLater});
    return **mine;
  }
  std::optional<Inventory> Look(std::int64_t job = 0) {
    auto inventory = InventoryOf(repository_, catalog_, job);
    EXPECT_TRUE(inventory);
    return inventory ? *inventory : std::nullopt;
  }

  testing::TempDir directory_{"inventory"};
  Catalog catalog_ = OpenCatalog();
  JobQueue queue_{catalog_.database()};
  const std::int64_t id_ = *catalog_.AddRepository("h/o/n", "file:///n");
  // As a process knows it that has not looked for a while.
  Repository repository_{
      {"h", "o", "n"}, Record(), directory_ / "repos/1", std::make_shared<BytesOnDisk>()};
};

TEST_F(InventoryTest, WhatAnotherProcessHasReportedCounts) {
  ASSERT_TRUE(Look());
  EXPECT_TRUE(Look()->IsAllOf(Id('1')));
  ASSERT_TRUE(catalog_.PutRoot(id_, {Id('2'), Stage::kTip}));
  EXPECT_FALSE(Look()->IsAllOf(Id('1'))) << "a pack may be the other tip's";
  EXPECT_EQ(Look()->Kept(), (std::vector<Oid>{Id('1'), Id('2')}));
  EXPECT_FALSE(Look()->HasContent());
}

TEST_F(InventoryTest, WhileAnotherTransfersNobodyCanTell) {
  for (const JobKind kind : {JobKind::kClone, JobKind::kFetch, JobKind::kHydrate, JobKind::kHistory,
                             JobKind::kMaintain}) {
    const Job job = Begin(kind);
    EXPECT_FALSE(Look()) << JobKindName(kind);
    EXPECT_TRUE(Look(job.id)) << "the one who asks";
    ASSERT_TRUE(*queue_.Finish(job));
  }
  Begin(JobKind::kInsights);
  EXPECT_TRUE(Look());
}

TEST_F(InventoryTest, TheRefsOfACompleteRepositoryAreThoseOnTheDisk) {
  RepositoryChange complete;
  complete.reached = Stage::kComplete;
  ASSERT_TRUE(catalog_.Change(id_, complete));
  const auto refs = RefSnapshot::FromLsRemote(Id('3').Hex() + "\trefs/heads/new\n");
  ASSERT_TRUE(refs);
  ASSERT_TRUE(repository_.directory().SetRefs(*refs));
  EXPECT_FALSE(Look()->IsAllOf(Id('1')));
  EXPECT_EQ(Look()->Kept(), (std::vector<Oid>{Id('1'), Id('3')}));
}

}  // namespace
}  // namespace reposfs
