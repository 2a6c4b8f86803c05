#include "tests/cache/cache_test.h"

namespace reposfs {
namespace {

class CacheEvictionTest : public CacheTest {
 protected:
  CacheEvictionTest() { options_.history.policy = HistoryPolicy::kNone; }

  // A repository that takes about `mebibytes` on disk.
  void AddRandom(const std::string& name, std::uint64_t mebibytes) {
    testing::FillRandom(MakeUpstream(name), mebibytes << 20, static_cast<unsigned>(name[0]));
  }
  std::optional<Problem> ProblemOfDisk() {
    for (const Problem& problem : cache_->Problems()) {
      if (problem.about == Problem::About::kDisk) return problem;
    }
    return std::nullopt;
  }
  void WarmInTurn(const std::string& name) {
    ASSERT_TRUE(Warm(name, Stage::kContent));
    ASSERT_TRUE(IsQuietSoon());
    clock_.Advance(std::chrono::minutes(5));
  }
};

TEST_F(CacheEvictionTest, WhatWasEvictedComesBackWhenRead) {
  testing::FillSmall(MakeUpstream("small"));
  Open();
  const auto target = Resolve("small");
  ASSERT_TRUE(Warm("small", Stage::kContent));
  ASSERT_TRUE(IsQuietSoon());
  const std::filesystem::path directory = DirectoryOf("small");
  ASSERT_TRUE(cache_->Evict(Repo("small"), "asked for", ""));
  EXPECT_FALSE(std::filesystem::exists(directory));
  EXPECT_EQ(Repo("small")->stage(), Stage::kAbsent);
  EXPECT_EQ(cache_->used_bytes(), 0u);
  EXPECT_TRUE(testing::WaitUntil(
      [&] { return testing::List(options_.cache.directory / "trash").empty(); }, kSoon));
  const auto content = ReadFileOf(*target, "README.md");
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_TRUE(content->ends_with("hello\n"));
}

TEST_F(CacheEvictionTest, AnEvictionSaysWhoWhyAndHowMuch) {
  testing::FillSmall(MakeUpstream("small"));
  Open();
  std::string told;
  cache_->OnEvicted([&](const Repository& repository) { told = repository.key().Text(); });
  ASSERT_TRUE(Warm("small", Stage::kContent));
  ASSERT_TRUE(IsQuietSoon());
  const std::uint64_t size_bytes = Repo("small")->size_bytes();
  const std::uint64_t version = cache_->listing_version();
  ASSERT_TRUE(cache_->Evict(Repo("small"), "asked for", "h/o/other"));
  EXPECT_EQ(told, "h/o/small");
  EXPECT_GT(cache_->listing_version(), version);
  const auto evictions = cache_->Evictions("h/o/small", 10);
  ASSERT_EQ(evictions->size(), 1u);
  EXPECT_EQ(evictions->at(0).reason, "asked for");
  EXPECT_EQ(evictions->at(0).for_key, "h/o/other");
  EXPECT_EQ(evictions->at(0).size_bytes, size_bytes);
}

TEST_F(CacheEvictionTest, WhileNobodyMakesRoomTheTickerGoesOn) {
  AddRandom("big", 3);
  AddRandom("other", 1);
  Open();
  WarmInTurn("big");
  WarmInTurn("other");
  Close();
  options_.cache.quota.bytes = 2 << 20;
  std::erase(options_.jobs.kinds, JobKind::kEvict);
  Open();
  const auto catalog = Catalog::Open(options_.cache.directory / "catalog.db");
  JobQueue queue(catalog->database());
  ASSERT_TRUE(testing::WaitUntil(
      [&] {
        return !queue.List({JobKind::kEvict, {}, {}})->empty();
      },
      kSoon));
  const auto put = queue.Put({Repo("other")->id(), JobKind::kMaintain, "", 1}, clock_.Now());
  ASSERT_TRUE(put);
  EXPECT_TRUE(testing::WaitUntil([&] { return !*queue.Find(put->id); }, std::chrono::seconds(10)))
      << "what other processes queue is picked up by the ticker";
}

TEST_F(CacheEvictionTest, AQuotaThatCanNotBeKeptIsAProblemUntilItCan) {
  AddRandom("big", 3);
  Open();
  WarmInTurn("big");
  ASSERT_TRUE(cache_->SetPinned(Repo("big"), true));
  EXPECT_TRUE(cache_->Problems().empty());
  Close();
  options_.cache.quota.bytes = 2 << 20;
  Open();
  ASSERT_TRUE(testing::WaitUntil([&] { return ProblemOfDisk().has_value(); }, kSoon));
  const Problem problem = *ProblemOfDisk();
  EXPECT_NE(problem.error.find("over the quota"), std::string::npos) << problem.error;
  EXPECT_NE(problem.advice.find("unpin"), std::string::npos) << problem.advice;
  ASSERT_TRUE(cache_->SetPinned(Repo("big"), false));
  EXPECT_TRUE(testing::WaitUntil([&] { return !ProblemOfDisk(); }, kSoon));
}

TEST_F(CacheEvictionTest, OneInUseIsNotEvicted) {
  testing::FillSmall(MakeUpstream("small"));
  Open();
  ASSERT_TRUE(Warm("small", Stage::kContent));
  ASSERT_TRUE(IsQuietSoon());
  {
    const Repository::Use use(Repo("small"));
    EXPECT_EQ(cache_->Evict(Repo("small"), "asked for", "").error().code, Errc::kInvalidArgument);
  }
  EXPECT_TRUE(cache_->Evict(Repo("small"), "asked for", ""));
}

TEST_F(CacheEvictionTest, TheLeastRecentlyOpenedMakesRoomAndThePinnedStays) {
  for (const char* name : {"a", "b", "c"}) AddRandom(name, 3);
  AddRandom("new", 3);
  options_.cache.quota.bytes = 11 << 20;
  Open();
  for (const char* name : {"a", "b", "c"}) WarmInTurn(name);
  ASSERT_TRUE(cache_->SetPinned(Repo("a"), true));
  WarmInTurn("new");
  EXPECT_EQ(Repo("a")->stage(), Stage::kContent);
  EXPECT_EQ(Repo("b")->stage(), Stage::kAbsent);
  EXPECT_EQ(Repo("c")->stage(), Stage::kContent);
  EXPECT_EQ(Repo("new")->stage(), Stage::kContent);
  EXPECT_LE(cache_->used_bytes(), options_.cache.quota.bytes);
}

TEST_F(CacheEvictionTest, WhatIsLargerThanTheQuotaIsRefusedAndTheOthersStay) {
  AddRandom("a", 2);
  AddRandom("large", 8);
  options_.cache.quota.bytes = 5 << 20;
  Open();
  WarmInTurn("a");
  const Status warmed = Warm("large", Stage::kContent);
  ASSERT_FALSE(warmed);
  EXPECT_EQ(warmed.error().code, Errc::kNoSpace) << warmed.error().message;
  EXPECT_TRUE(IsQuietSoon());
  EXPECT_TRUE(testing::WaitUntil([&] { return Repo("large")->stage() == Stage::kAbsent; }, kSoon));
  EXPECT_FALSE(std::filesystem::exists(DirectoryOf("large"))) << "nothing is left behind";
  EXPECT_TRUE(testing::List(options_.cache.directory / "tmp").empty());
  EXPECT_EQ(Repo("a")->stage(), Stage::kContent);
  EXPECT_EQ(Repo("large")->record().error_code, "no-space");
  const std::size_t requests = transport_.requests().size();
  EXPECT_EQ(ReadFileOf("large", "x").error().code, Errc::kNoSpace);
  EXPECT_EQ(transport_.requests().size(), requests) << "it is not tried again at once";
}

TEST_F(CacheEvictionTest, PatternsPin) {
  testing::FillSmall(MakeUpstream("small"));
  options_.cache.never_evict = {"h/o/sm*"};
  Open();
  ASSERT_TRUE(Resolve("small"));
  EXPECT_TRUE(cache_->IsPinned(*Repo("small")));
}

}  // namespace
}  // namespace reposfs
