#include "cache/room_keeper.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/cache/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using std::chrono::seconds;
using Keys = std::vector<std::string>;

// Repositories without files: what they take is what their record says.
class RoomKeeperTest : public ::testing::Test {
 protected:
  RoomKeeperTest() {
    options_.directory = directory_.path();
    options_.quota.bytes = 1000;
    keeper_ = std::make_unique<RoomKeeper>(
        options_, clock_,
        RoomKeeper::Callbacks{
            [this] {
              ++walk_count_;
              return repositories_;
            },
            [this] { return total_->load(); },
            [](const Repository& repository) { return repository.record().pinned; },
            [this](const RepositoryPtr& repository, const std::string& reason,
                   const std::string& for_key) { return Evict(repository, reason, for_key); },
            [] { return std::uint64_t{0}; }});
  }

  // A repository of `size_bytes`; each is opened a minute later than the one before.
  RepositoryPtr Add(const std::string& name, std::uint64_t size_bytes) {
    clock_.Advance(std::chrono::minutes(1));
    RepositoryRecord record;
    record.id = static_cast<std::int64_t>(repositories_.size()) + 1;
    record.size_bytes = size_bytes;
    record.last_opened = clock_.Now();
    repositories_.push_back(std::make_shared<Repository>(RepositoryKey{"h", "o", name}, record,
                                                         directory_ / name, total_));
    return repositories_.back();
  }

  static void Pin(const RepositoryPtr& repository) {
    RepositoryRecord record = repository->record();
    record.pinned = true;
    repository->SetRecord(record);
  }

  Status Evict(const RepositoryPtr& repository, const std::string& reason,
               const std::string& for_key) {
    if (before_evicting_) before_evicting_();
    if (!repository->BeginEviction()) return Error{Errc::kInvalidArgument, "in use"};
    if (repository->key().name == becomes_busy_) {
      repository->EndEviction();
      surprise_use_ = std::make_unique<Repository::Use>(repository);
      return Error{Errc::kInvalidArgument, "in use"};
    }
    repository->Forget();
    repository->EndEviction();
    evicted_.push_back(repository->key().name);
    reason_ = reason;
    for_key_ = for_key;
    return {};
  }

  testing::TempDir directory_{"room-keeper"};
  ManualClock clock_;
  CacheOptions options_;
  const std::shared_ptr<BytesOnDisk> total_ = std::make_shared<BytesOnDisk>();
  std::vector<RepositoryPtr> repositories_;
  int walk_count_ = 0;        // How often all of them were asked for.
  std::string becomes_busy_;  // Somebody opens this one just before it is evicted.
  std::unique_ptr<Repository::Use> surprise_use_;
  std::function<void()> before_evicting_;
  Keys evicted_;
  std::string reason_;
  std::string for_key_;
  std::unique_ptr<RoomKeeper> keeper_;
};

TEST_F(RoomKeeperTest, CountsWhatIsThereAndWhatArrives) {
  const RepositoryPtr repository = Add("a", 100);
  {
    RoomKeeper::Account account(*keeper_, repository, RoomKeeper::Claim::kOthersMayGo);
    ASSERT_TRUE(account.Grow({50, 0, 0}));
    ASSERT_TRUE(account.Grow({70, 0, 0}));
    EXPECT_EQ(keeper_->used_bytes(), 170u);
  }
  EXPECT_EQ(keeper_->used_bytes(), 100u) << "an account ends with its transfer";
}

TEST_F(RoomKeeperTest, NobodyGoesWhileThereIsRoom) {
  Add("a", 500);
  const RepositoryPtr fetched = Add("new", 0);
  RoomKeeper::Account account(*keeper_, fetched, RoomKeeper::Claim::kOthersMayGo);
  EXPECT_TRUE(account.Grow({500, 0, 0}));
  EXPECT_TRUE(evicted_.empty());
}

TEST_F(RoomKeeperTest, WhileThereIsRoomNobodyIsAskedWhatItTakes) {
  for (int i = 0; i < 100; ++i) Add("r" + std::to_string(i), 1);
  const RepositoryPtr fetched = Add("new", 0);
  {
    RoomKeeper::Account account(*keeper_, fetched, RoomKeeper::Claim::kOthersMayGo);
    for (std::uint64_t bytes = 0; bytes < 500; ++bytes) ASSERT_TRUE(account.Grow({bytes, 0, 0}));
  }
  EXPECT_TRUE(keeper_->HasRoomFor(900));
  EXPECT_FALSE(keeper_->HasRoomFor(901));
  EXPECT_TRUE(keeper_->Trim());
  EXPECT_EQ(walk_count_, 0) << "transfers report many times a second";
}

TEST_F(RoomKeeperTest, TheLeastRecentlyOpenedMakeRoomDownToNineTenths) {
  Add("a", 300);
  Add("b", 300);
  Add("c", 300);
  const RepositoryPtr fetched = Add("new", 0);
  const Repository::Use use(fetched);
  RoomKeeper::Account account(*keeper_, fetched, RoomKeeper::Claim::kOthersMayGo);
  ASSERT_TRUE(account.Grow({200, 0, 0}));
  EXPECT_EQ(evicted_, Keys{"a"}) << "1100 - 300 is below 900";
  EXPECT_EQ(reason_, "quota");
  EXPECT_EQ(for_key_, "h/o/new");
}

TEST_F(RoomKeeperTest, WhatDoesNotFitAloneIsRefusedAndEvictsNobody) {
  Add("a", 500);
  const RepositoryPtr fetched = Add("new", 0);
  const Repository::Use use(fetched);
  RoomKeeper::Account account(*keeper_, fetched, RoomKeeper::Claim::kOthersMayGo);
  const Status grown = account.Grow({1001, 0, 0});
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().code, Errc::kNoSpace);
  EXPECT_NE(grown.error().message.find("h/o/new"), std::string::npos);
  EXPECT_TRUE(evicted_.empty());
}

TEST_F(RoomKeeperTest, WhatWillClearlyNotFitIsRefusedEarly) {
  Add("a", 950);
  const RepositoryPtr fetched = Add("new", 0);
  const Repository::Use use(fetched);
  RoomKeeper::Account account(*keeper_, fetched, RoomKeeper::Claim::kOthersMayGo);
  const Status grown = account.Grow({200, 100, 1000});  // A tenth of it takes 200 bytes.
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().code, Errc::kNoSpace);
  EXPECT_TRUE(evicted_.empty());
}

TEST_F(RoomKeeperTest, WhileNobodyKnowsHowLargeItWillBeNobodyGoesAtOnce) {
  Add("a", 900);
  const RepositoryPtr fetched = Add("new", 0);
  const Repository::Use use(fetched);
  RoomKeeper::Account account(*keeper_, fetched, RoomKeeper::Claim::kOthersMayGo);
  ASSERT_TRUE(account.Grow({200, 1, 1000}));
  EXPECT_TRUE(evicted_.empty());
  ASSERT_TRUE(account.Grow({400, 2, 1000}));
  EXPECT_EQ(evicted_, Keys{"a"}) << "a quarter beyond the quota is too much";
}

TEST_F(RoomKeeperTest, PinnedAndBusyOnesStay) {
  Pin(Add("pinned", 200));
  const Repository::Use busy(Add("busy", 200));
  Add("c", 200);
  Add("d", 200);
  const RepositoryPtr fetched = Add("new", 0);
  const Repository::Use use(fetched);
  RoomKeeper::Account account(*keeper_, fetched, RoomKeeper::Claim::kOthersMayGo);
  ASSERT_TRUE(account.Grow({300, 0, 0}));
  EXPECT_EQ(evicted_, Keys{"c"});
}

TEST_F(RoomKeeperTest, NobodyIsEvictedInVain) {
  Pin(Add("pinned", 800));
  Add("b", 100);
  const RepositoryPtr fetched = Add("new", 0);
  const Repository::Use use(fetched);
  RoomKeeper::Account account(*keeper_, fetched, RoomKeeper::Claim::kOthersMayGo);
  const Status grown = account.Grow({300, 0, 0});
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().code, Errc::kNoSpace);
  EXPECT_TRUE(evicted_.empty()) << "without b it would still not fit";
}

TEST_F(RoomKeeperTest, NinetyPercentIsAWishTheQuotaIsTheLaw) {
  Pin(Add("pinned", 850));
  Add("b", 100);
  const RepositoryPtr fetched = Add("new", 0);
  const Repository::Use use(fetched);
  RoomKeeper::Account account(*keeper_, fetched, RoomKeeper::Claim::kOthersMayGo);
  EXPECT_TRUE(account.Grow({100, 0, 0}));
  EXPECT_EQ(evicted_, Keys{"b"}) << "950 is above nine tenths, but below the quota";
}

TEST_F(RoomKeeperTest, OneThatIsOpenedAtTheLastMomentIsSkipped) {
  Add("a", 400);
  Add("b", 400);
  becomes_busy_ = "a";
  const RepositoryPtr fetched = Add("new", 0);
  const Repository::Use use(fetched);
  RoomKeeper::Account account(*keeper_, fetched, RoomKeeper::Claim::kOthersMayGo);
  EXPECT_TRUE(account.Grow({300, 0, 0}));
  EXPECT_EQ(evicted_, Keys{"b"});
}

TEST_F(RoomKeeperTest, TransfersThatNeedRoomAtTheSameTimeEvictNoMoreThanTogetherTheyNeed) {
  for (int i = 0; i < 9; ++i) Add(std::to_string(i), 100);
  std::vector<RepositoryPtr> fetched;
  std::vector<Repository::Use> uses;
  std::vector<std::unique_ptr<RoomKeeper::Account>> accounts;
  for (int i = 0; i < 4; ++i) {
    fetched.push_back(Add("new" + std::to_string(i), 0));
    uses.emplace_back(fetched.back());
    accounts.push_back(std::make_unique<RoomKeeper::Account>(*keeper_, fetched.back(),
                                                             RoomKeeper::Claim::kOthersMayGo));
  }
  // The first eviction waits until all of them have said what they need.
  before_evicting_ = [this] {
    while (evicted_.empty() && keeper_->used_bytes() < 900 + 4 * 90) std::this_thread::yield();
  };
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (auto& account : accounts) {
    threads.emplace_back([&] {
      if (account->Grow({90, 0, 0})) ++admitted;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admitted, 4);
  EXPECT_LE(keeper_->used_bytes(), 1000u);
  EXPECT_LE(evicted_.size(), 4u) << "900 + 4 * 90 - 4 * 100 is below nine tenths";
}

TEST_F(RoomKeeperTest, TrimFollowsAQuotaThatHasBecomeSmaller) {
  Add("a", 600);
  Add("b", 600);
  ASSERT_TRUE(keeper_->Trim());
  EXPECT_EQ(evicted_, Keys{"a"});
  EXPECT_EQ(for_key_, "");
  ASSERT_TRUE(keeper_->Trim());
  EXPECT_EQ(evicted_, Keys{"a"});
}

}  // namespace
}  // namespace reposfs
