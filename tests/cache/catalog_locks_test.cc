// The locks of the catalog: the contract of all locks, and what SQLite adds to it.
#include "cache/catalog_locks.h"

#include <gtest/gtest.h>

#include "cache/sqlite_database.h"
#include "tests/support/lock_world.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline Soon() {
  return std::chrono::steady_clock::now() + seconds(30);
}

class CatalogWorld final : public testing::LockWorld {
 public:
  milliseconds lease() const override { return milliseconds(1'000); }

  std::unique_ptr<LockService> Open() override {
    auto locks = OpenCatalogLocks(catalog_, lease());
    EXPECT_TRUE(locks) << locks.error().message;
    return std::move(*locks);
  }

  testing::Argv Worker() const override {
    return {LOCK_WORKER, catalog_.string(), std::to_string(lease().count())};
  }

  // Another process hangs in the middle of a transaction.
  void Break() override {
    hanging_ = testing::ChildProcess::Start(
        {"sqlite3", catalog_.string(), ".timeout 10000", "BEGIN IMMEDIATE;",
         ".system touch " + began_.string() + "; sleep 600"},
        directory_ / "log");
    EXPECT_TRUE(testing::WaitUntil([&] { return std::filesystem::exists(began_); }, seconds(30)));
  }
  void Mend() override {
    hanging_.Kill();
    std::filesystem::remove(began_);
  }

  void Disturb(int) override {
    Break();
    testing::SleepFor(lease() * 3 / 2);
    Mend();
  }

 private:
  testing::TempDir directory_{"locks"};
  const std::filesystem::path catalog_ = directory_ / "catalog.db";
  const std::filesystem::path began_ = directory_ / "began";
  testing::ChildProcess hanging_;
};

const testing::LockWorldKind kCatalog{"Catalog", [] { return std::make_unique<CatalogWorld>(); }};

class CatalogLocksTest : public ::testing::Test {
 protected:
  // The token of one acquisition by a process that does nothing else.
  std::int64_t Token() {
    auto locks = OpenCatalogLocks(catalog_, seconds(1));
    EXPECT_TRUE(locks) << locks.error().message;
    auto lock = (*locks)->Acquire({LockScope::kRef, "a"}, LockMode::kExclusive, Soon());
    EXPECT_TRUE(lock) << lock.error().message;
    return lock->fencing_token();
  }

  void Sql(const char* sql) {
    auto database = SqliteDatabase::Open(catalog_);
    ASSERT_TRUE(database);
    MutexLock lock((*database)->mutex);
    const auto done = (*database)->Execute(sql);
    ASSERT_TRUE(done) << done.error().message;
  }

  testing::TempDir directory_;
  const std::filesystem::path catalog_ = directory_ / "catalog.db";
};

TEST_F(CatalogLocksTest, TokensGoOnHigherAfterTheMachineWasStarted) {
  std::int64_t last = 0;
  for (int i = 0; i < 3; ++i) last = Token();
  // As after a loss of power that took all with it since the machine was started.
  Sql("UPDATE lock_boot SET boot = 'another'; UPDATE sqlite_sequence SET seq = seq - 3 WHERE name "
      "= 'locks'");
  EXPECT_GT(Token(), last);
}

TEST_F(CatalogLocksTest, WhoHeldItBeforeTheMachineWasStartedIsGone) {
  Token();
  Sql("INSERT INTO locks (scope, name, mode, owner, lease_until, asked_at) VALUES ('ref', 'a', "
      "'exclusive', 'h:1', 9000000000000, 0); UPDATE lock_boot SET boot = 'another'");
  Token();
}

TEST_F(CatalogLocksTest, OneBootIsBegunOnce) {
  const std::int64_t first = Token();
  EXPECT_LT(Token() - first, 100);
}

TEST_F(CatalogLocksTest, LapsedTicketsDoNotPileUp) {
  Token();
  Sql("INSERT INTO locks (scope, name, mode, owner, lease_until, asked_at) VALUES ('ref', 'x', "
      "'exclusive', 'h:1', 1, 0)");
  auto locks = OpenCatalogLocks(catalog_, seconds(1));
  ASSERT_TRUE(locks);
  EXPECT_TRUE((*locks)->List(Soon())->empty()) << "a lapsed ticket holds nothing";
  Token();
  Sql("CREATE TABLE empty (row CHECK (row = 0)); INSERT INTO empty SELECT count(*) FROM locks");
}

}  // namespace

namespace testing {

INSTANTIATE_TEST_SUITE_P(Locks, LockContractTest, ::testing::Values(kCatalog),
                         ::testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Locks, LockHistoryTest, ::testing::Values(kCatalog),
                         ::testing::PrintToStringParamName());

}  // namespace testing
}  // namespace reposfs
