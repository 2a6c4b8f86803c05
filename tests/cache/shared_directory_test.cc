// A daemon and a worker on one cache directory.
#include "tests/cache/cache_test.h"

namespace reposfs {
namespace {

bool BringsContentOf(const FetchRequest& request, const Oid& commit) {
  return !request.without_blobs && request.wants == std::vector<Oid>{commit};
}

class SharedDirectoryTest : public CacheTest {
 protected:
  ~SharedDirectoryTest() override { transport_.HoldFetches({}); }
  void TearDown() override {
    transport_.HoldFetches({});
    worker_.reset();
    CacheTest::TearDown();
  }

  // The daemon leaves `kinds` to the worker.
  void OpenDaemonWithout(const std::vector<JobKind>& kinds) {
    for (const JobKind kind : kinds) std::erase(options_.jobs.kinds, kind);
    Open();
  }
  void StartWorker(const std::vector<JobKind>& kinds) {
    RepositoryCacheOptions options = options_;
    options.role = CacheRole::kWorker;
    options.jobs.kinds = kinds;
    auto worker = RepositoryCache::Open(options, *origin_, transport_, clock_);
    ASSERT_TRUE(worker) << worker.error().message;
    worker_ = std::move(*worker);
  }

  // Only what is on the disk counts.
  bool IsOnDisk(const std::string& name, const Oid& object) {
    Repo(name)->objects().Refresh();
    return Repo(name)->objects().Contains(object);
  }

  std::unique_ptr<RepositoryCache> worker_;
};

TEST_F(SharedDirectoryTest, AWorkerLeavesTheTipAloneThatTheDaemonHasJustFetched) {
  const std::filesystem::path upstream = MakeUpstream("small");
  testing::FillSmall(upstream);
  testing::RepositoryBuilder builder(upstream);
  builder.Commit("other", "another tree", {testing::File("only/here", "other\n")});
  builder.Finish();
  options_.history.policy = HistoryPolicy::kNone;
  OpenDaemonWithout({JobKind::kHydrate, JobKind::kMaintain});
  const Oid main = Find("small", "main");
  transport_.HoldFetches([](const FetchRequest& request) { return !request.without_blobs; });
  StartWorker({JobKind::kHydrate});
  const auto target = Resolve("small");
  ASSERT_TRUE(Await([&] { return cache_->NeedTip(*target); }));
  ASSERT_TRUE(testing::WaitUntil(
      [&] {
        const auto requests = transport_.requests();
        return std::any_of(requests.begin(), requests.end(), [&](const FetchRequest& request) {
          return BringsContentOf(request, main);
        });
      },
      kSoon));
  const auto other = Resolve("small", "other");
  ASSERT_TRUE(Await([&] { return cache_->NeedTip(*other); }));
  transport_.HoldFetches(
      [&](const FetchRequest& request) { return BringsContentOf(request, other->ref.commit); });
  ASSERT_TRUE(
      testing::WaitUntil([&] { return Repo("small")->StageOf(main) == Stage::kContent; }, kSoon));
  EXPECT_TRUE(IsOnDisk("small", Find("small", "other")));
  EXPECT_TRUE(IsOnDisk("small", Find("small", "other:only")));
}

TEST_F(SharedDirectoryTest, WhatReplacesPacksIsKnownToTheDaemonBeforeTheyGo) {
  testing::FillSmall(MakeUpstream("small"));
  OpenDaemonWithout({JobKind::kMaintain});
  ASSERT_TRUE(Warm("small", Stage::kComplete));
  ASSERT_TRUE(testing::WaitUntil(
      [&] {
        const auto jobs = cache_->Jobs();
        return jobs->size() == 1 && jobs->at(0).kind == JobKind::kMaintain;
      },
      kSoon));
  std::vector<std::string> before = Repo("small")->directory().PackStems();
  std::sort(before.begin(), before.end());
  ASSERT_GT(before.size(), 1u) << "or there is nothing to replace";
  // The daemon has heard of everything else.
  auto catalog = Catalog::Open(options_.cache.directory / "catalog.db");
  ASSERT_TRUE(catalog && catalog->AddRepository("h/o/last", "file:///last"));
  ASSERT_TRUE(testing::WaitUntil([&] { return Repo("last") != nullptr; }, kSoon));
  const std::uint64_t generation = Repo("small")->generation();
  StartWorker({JobKind::kMaintain});
  // Looked at often: what the worker reports when it is done comes too late.
  std::uint64_t generation_then = 0;
  bool all_there = true;
  const auto deadline = std::chrono::steady_clock::now() + kSoon;
  while (all_there && std::chrono::steady_clock::now() < deadline) {
    std::vector<std::string> now = Repo("small")->directory().PackStems();
    std::sort(now.begin(), now.end());
    generation_then = Repo("small")->generation();
    all_there = std::includes(now.begin(), now.end(), before.begin(), before.end());
    if (all_there) testing::SleepFor(milliseconds(1));
  }
  ASSERT_FALSE(all_there);
  EXPECT_GT(generation_then, generation);
}

}  // namespace
}  // namespace reposfs
