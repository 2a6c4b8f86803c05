#include <fcntl.h>

#include "cache/staging.h"
#include "tests/cache/cache_test.h"

namespace reposfs {
namespace {

class RestartTest : public CacheTest {
 protected:
  RestartTest() {
    testing::FillSmall(MakeUpstream("small"));
    Open();
  }

  // Leaves what a process does that dies when job `spec` has sealed its staging with `wants` in it.
  // REQUIRES: the cache is closed.
  void LeaveSealed(const JobSpec& spec, const StoreDirectory& store, std::vector<Oid> wants) {
    auto catalog = Catalog::Open(options_.cache.directory / "catalog.db");
    ASSERT_TRUE(catalog);
    const Job job = *JobQueue(catalog->database()).Put(spec, clock_.Now());
    const std::filesystem::path path =
        options_.cache.directory / "tmp" /
        ("job-" + std::to_string(job.id) + "-" + std::to_string(job.claims));
    auto staging = Staging::Create(path, store, {});
    ASSERT_TRUE(staging);
    if (!wants.empty()) {
      FetchRequest request;
      request.source = origin_->SourcesOf(Key("small"), Wanted::kObjects).front();
      request.staging = path;
      request.wants = std::move(wants);
      ASSERT_TRUE(MakeTestedTransport({})->Fetch(request));
    }
    ASSERT_TRUE(staging->Seal());
    std::filesystem::copy(path, directory_ / "copy", std::filesystem::copy_options::recursive);
    staging = Error{Errc::kInterrupted, "the process dies"};
    std::filesystem::rename(directory_ / "copy", path);
  }
};

TEST_F(RestartTest, JobsGoOnWhereTheyStopped) {
  transport_.HoldFetches([](const FetchRequest& request) { return !request.without_blobs; });
  ASSERT_TRUE(Warm("small", Stage::kTip));
  ASSERT_TRUE(testing::WaitUntil([&] { return transport_.requests().size() == 2; }, kSoon))
      << "the content is on its way";
  Close();
  transport_.HoldFetches({});
  Open();
  EXPECT_TRUE(
      testing::WaitUntil([&] { return Repo("small")->stage() == Stage::kComplete; }, kSoon));
  int tips = 0;
  for (const FetchRequest& request : transport_.requests()) tips += request.without_blobs ? 1 : 0;
  EXPECT_EQ(tips, 1) << "what is on disk is not fetched again";
}

TEST_F(RestartTest, WhatIsOnDiskIsServedWithoutTheHost) {
  ASSERT_TRUE(Warm("small", Stage::kComplete));
  ASSERT_TRUE(IsQuietSoon());
  Close();
  transport_.Fail(Error{Errc::kUnreachable, "the host is down"});
  Open();
  const std::size_t requests = transport_.requests().size();
  EXPECT_TRUE(ReadFileOf("small", "README.md"));
  EXPECT_EQ(transport_.requests().size(), requests);
}

TEST_F(RestartTest, TheOrderOfOpeningIsKept) {
  ASSERT_TRUE(Warm("small", Stage::kTip));
  Repo("small")->Touch(clock_.Now() + std::chrono::hours(1), options_.lru.granularity);
  const WallTime opened = Repo("small")->last_opened();
  Close();
  Open();
  EXPECT_EQ(Repo("small")->last_opened(), opened);
}

TEST_F(RestartTest, RubbishIsRemovedAndSoIsATransferWhoseJobHasGone) {
  Close();
  const std::filesystem::path cache = options_.cache.directory;
  for (const char* path :
       {"repos/999/objects", "trash/7-1/objects", "tmp/now-3", "tmp/job-8-1", "tmp/job-9-1"}) {
    std::filesystem::create_directories(cache / path);
  }
  testing::WriteFile(cache / "tmp/job-9-1/sealed", "");
  testing::WriteFile(cache / "tmp/now-3/sealed", "");
  Open();
  EXPECT_FALSE(std::filesystem::exists(cache / "repos/999"));
  EXPECT_TRUE(testing::List(cache / "tmp").empty());
  EXPECT_TRUE(testing::WaitUntil([&] { return testing::List(cache / "trash").empty(); }, kSoon));
}

TEST_F(RestartTest, ARepositoryThatHasVanishedIsAbsentAndComesBackWhenReadAgain) {
  ASSERT_TRUE(Warm("small", Stage::kComplete));
  ASSERT_TRUE(IsQuietSoon());
  const std::filesystem::path directory = DirectoryOf("small");
  Close();
  std::filesystem::remove_all(directory);
  Open();
  EXPECT_EQ(Repo("small")->stage(), Stage::kAbsent);
  EXPECT_EQ(Repo("small")->size_bytes(), 0u);
  EXPECT_TRUE(ReadFileOf("small", "README.md"));
}

TEST_F(RestartTest, NobodyWaitsForHostsToBePrepared) {
  Close();
  const std::size_t before = transport_.prepared_urls().size();
  transport_.HoldPreparations();
  Open();
  EXPECT_TRUE(ReadFileOf("small", "README.md"));
  const auto prepared = [&] { return transport_.prepared_urls().size() > before; };
  EXPECT_TRUE(testing::WaitUntil(prepared, std::chrono::seconds(20)));
  Close();
}

TEST_F(RestartTest, ASecondProcessIsRefused) {
  const auto second = RepositoryCache::Open(options_, *origin_, transport_, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kInvalidArgument);
}

// A process dies after it has adopted what a job brought, but before it has removed the staging.
// The job then finds everything here, and has nothing to bring.
TEST_F(RestartTest, AStagingThatIsAdoptedAlreadyGoes) {
  ASSERT_TRUE(Warm("small", Stage::kComplete));
  ASSERT_TRUE(IsQuietSoon());
  const std::int64_t repository = Repo("small")->id();
  const StoreDirectory store(DirectoryOf("small"));
  Close();
  for (const JobSpec& spec :
       {JobSpec{repository, JobKind::kClone, Find("small", "main").Hex(), 50},
        JobSpec{repository, JobKind::kHydrate, Find("small", "main").Hex(), 40},
        JobSpec{repository, JobKind::kHistory, "", 30},
        JobSpec{repository, JobKind::kFetch, "", 20}}) {
    LeaveSealed(spec, store, {});
  }
  Open();
  ASSERT_TRUE(IsQuietSoon());
  EXPECT_TRUE(testing::List(options_.cache.directory / "tmp").empty());
  EXPECT_EQ(Repo("small")->stage(), Stage::kComplete);
}

TEST_F(RestartTest, AStagingOfARepositoryThatHasVanishedGoes) {
  ASSERT_TRUE(Warm("small", Stage::kComplete));
  ASSERT_TRUE(IsQuietSoon());
  const std::int64_t repository = Repo("small")->id();
  const std::filesystem::path directory = DirectoryOf("small");
  Close();
  LeaveSealed(JobSpec{repository, JobKind::kHistory, "", 30}, StoreDirectory(directory), {});
  std::filesystem::remove_all(directory);
  Open();
  EXPECT_EQ(Repo("small")->stage(), Stage::kAbsent) << "half of it is no repository";
  EXPECT_TRUE(testing::List(options_.cache.directory / "tmp").empty());
  EXPECT_TRUE(ReadFileOf("small", "README.md"));
}

// A process dies between sealing what a fetch brought and adopting it; until the next one starts,
// the branch moves on.
TEST_F(RestartTest, AResumedFetchStillBringsWhatTheHostHasNow) {
  ASSERT_TRUE(Warm("small", Stage::kComplete));
  ASSERT_TRUE(IsQuietSoon());
  const std::int64_t repository = Repo("small")->id();
  const StoreDirectory store(DirectoryOf("small"));
  Close();
  testing::AddCommit(Upstream("small"), "main", "fetched before the crash\n");
  LeaveSealed(JobSpec{repository, JobKind::kFetch, "", 10}, store, {Find("small", "main")});
  testing::AddCommit(Upstream("small"), "main", "after the crash\n");
  Open();
  const Oid now = Find("small", "main");
  ASSERT_TRUE(testing::WaitUntil(
      [&] { return Repo("small")->refs() && Repo("small")->refs()->head() == now; }, kSoon));
  EXPECT_TRUE(Repo("small")->objects().Contains(now))
      << "a ref is shown, so what it names must be here";
}

}  // namespace
}  // namespace reposfs
