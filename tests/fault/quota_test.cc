// The disk stays in bounds: who is evicted, who is not, and that nobody who reads notices.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file_util.h"
#include "base/unique_fd.h"
#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

constexpr std::uint64_t kRepositoryBytes = 4 << 20;
constexpr auto kSettleTimeout = std::chrono::seconds(20);

// A quota with room for three repositories of 4 MiB, but not for four.
class QuotaTest : public MountTest {
 protected:
  using Keys = std::vector<std::string>;

  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    unsigned seed = 1;
    for (const char* name : {"q/a", "q/b", "q/c", "q/d"}) {
      FillRandom(server_.Create(name), kRepositoryBytes, seed++);
    }
    daemon_.Set("cache.quota", "16MiB");
    daemon_.Set("lru.granularity", "100ms");
  }

  // Opens `name` so that the catalog knows it, later than any open before.
  void Open(const std::string& name) {
    SleepFor(milliseconds(300));
    EXPECT_EQ(ErrnoOfList(Path(name) / "data"), 0) << name;
    EXPECT_EQ(ErrnoOfRead(Path(name) / "data/0"), 0) << name;
    EXPECT_TRUE(daemon_.Warm(Key(name)));
    SleepFor(milliseconds(300));
    EXPECT_EQ(ErrnoOfList(Path(name) / "data"), 0) << name;
  }

  void OpenThree() {
    Mount();
    for (const char* name : {"q/a", "q/b", "q/c"}) Open(name);
    ASSERT_EQ(Cached(), (Keys{"test/q/a", "test/q/b", "test/q/c"}));
  }

  Keys Cached() {
    Keys keys = daemon_.CachedKeys();
    std::sort(keys.begin(), keys.end());
    return keys;
  }

  void ExpectCached(const Keys& keys) {
    EXPECT_TRUE(WaitUntil([&] { return Cached() == keys; }, kSettleTimeout));
    EXPECT_EQ(Cached(), keys);
  }

  // Bytes that the cache directory occupies.
  std::uint64_t DiskBytes() {
    // Not by du(1), which fails when a file vanishes before its eyes.
    return DiskUsageBytes(daemon_.cache());
  }

  void Evict(const std::string& name) {
    const CommandResult evict = daemon_.Cli({"evict", Key(name)});
    EXPECT_TRUE(evict.ok()) << evict;
    EXPECT_TRUE(WaitUntil([&] { return daemon_.Stage(Key(name)) == "absent"; }, kSettleTimeout));
  }
};

TEST_F(QuotaTest, TheOneOpenedLeastRecentlyIsEvicted) {
  OpenThree();
  Open("q/d");
  ExpectCached({"test/q/b", "test/q/c", "test/q/d"});
}

TEST_F(QuotaTest, OpeningAgainMovesToTheFront) {
  OpenThree();
  Open("q/a");
  Open("q/d");
  ExpectCached({"test/q/a", "test/q/c", "test/q/d"});
}

TEST_F(QuotaTest, TheOrderSurvivesARestart) {
  OpenThree();
  Open("q/a");
  ASSERT_TRUE(daemon_.Restart());
  Open("q/d");
  ExpectCached({"test/q/a", "test/q/c", "test/q/d"});
}

TEST_F(QuotaTest, TheOrderSurvivesACrash) {
  OpenThree();
  Open("q/a");
  SleepFor(std::chrono::seconds(2));
  daemon_.Kill9();
  ASSERT_TRUE(daemon_.Start());
  Open("q/d");
  ExpectCached({"test/q/a", "test/q/c", "test/q/d"});
}

TEST_F(QuotaTest, APinnedOneInLastPlaceIsSkippedAndNoStop) {
  OpenThree();
  const CommandResult pin = daemon_.Cli({"pin", Key("q/a")});
  EXPECT_TRUE(pin.ok()) << pin;
  Open("q/d");
  ExpectCached({"test/q/a", "test/q/c", "test/q/d"});
  EXPECT_TRUE(daemon_.Cli({"unpin", Key("q/a")}).ok());
  Open("q/b");
  ExpectCached({"test/q/b", "test/q/c", "test/q/d"});
}

TEST_F(QuotaTest, NeverEvictIsObeyedWithPatterns) {
  daemon_.Set("cache.neverEvict", "[\"test/q/a\", \"test/*/b\"]");
  OpenThree();
  Open("q/d");
  ExpectCached({"test/q/a", "test/q/b", "test/q/d"});
}

TEST_F(QuotaTest, TheQuotaIsKeptWhileFetching) {
  OpenThree();
  ChildProcess opening =
      ChildProcess::Start({"cat", (Path("q/d") / "data/1").string()}, scratch_ / "cat");
  std::uint64_t most = 0;
  WaitUntil(
      [&] {
        most = std::max(most, DiskBytes());
        return !opening.running() && daemon_.Stage(Key("q/d")) == "complete";
      },
      kSettleTimeout);
  // The catalog and a trash not yet empty are beside the quota.
  EXPECT_LT(most, (16u << 20) + (6u << 20));
}

TEST_F(QuotaTest, AnOpenFileGoesOn) {
  OpenThree();
  const UniqueFd fd(::open((Path("q/a") / "data/5").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(fd);
  // To open the file was to open the repository: the others have to be opened after it.
  for (const char* name : {"q/b", "q/c", "q/d"}) Open(name);
  ExpectCached({"test/q/b", "test/q/c", "test/q/d"});
  std::string bytes(64 << 10, '\0');
  ASSERT_EQ(::pread(fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  EXPECT_EQ(bytes, Execute({"git", "-C", server_.Path("q/a").string(), "show", "main:data/5"}).out);
}

TEST_F(QuotaTest, AMappingGoesOn) {
  OpenThree();
  const UniqueFd fd(::open((Path("q/a") / "data/6").c_str(), O_RDONLY | O_CLOEXEC));
  void* memory = ::mmap(nullptr, 64 << 10, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  Evict("q/a");
  const std::string bytes(static_cast<const char*>(memory), 64 << 10);
  ::munmap(memory, 64 << 10);
  EXPECT_EQ(bytes, Execute({"git", "-C", server_.Path("q/a").string(), "show", "main:data/6"}).out);
}

TEST_F(QuotaTest, ACurrentDirectoryGoesOn) {
  OpenThree();
  const std::string flag = scratch_ / "evicted";
  ChildProcess child =
      ChildProcess::Start({"/bin/sh", "-c",
                           "cd '" + (Path("q/a") / "data").string() + "' && touch '" + flag +
                               ".ready' && while [ ! -e '" + flag +
                               "' ]; do sleep 0.02; done; ls | wc -l; cat ../file"},
                          scratch_ / "said");
  ASSERT_TRUE(WaitUntil([&] { return ErrnoOfStat(flag + ".ready") == 0; }, kSettleTimeout));
  Evict("q/a");
  WriteFile(flag, "");
  EXPECT_EQ(child.Wait(kSettleTimeout), 0);
  EXPECT_EQ(ReadFile(scratch_ / "said"), "8\nseed 1\n");
}

TEST_F(QuotaTest, AnEvictedRepositoryComesBackWhenOpened) {
  OpenThree();
  Evict("q/a");
  AddWorktree(server_.Path("q/a"), scratch_ / "expected", "main");
  const Comparison comparison = CompareTrees(scratch_ / "expected", Path("q/a"));
  EXPECT_TRUE(comparison.equal()) << comparison;
}

TEST_F(QuotaTest, EvictionFreesTheDisk) {
  OpenThree();
  const std::uint64_t before = DiskBytes();
  Evict("q/a");
  EXPECT_TRUE(WaitUntil([&] { return DiskBytes() + (3u << 20) < before; }, kSettleTimeout));
}

TEST_F(QuotaTest, ARepositoryLargerThanTheQuotaIsRefusedAndEvictsNobody) {
  FillRandom(server_.Create("q/huge"), 40 << 20, 9);
  OpenThree();
  EXPECT_TRUE(
      WaitUntil([&] { return ErrnoOfReadingAll(Path("q/huge")) == ENOSPC; }, kSettleTimeout));
  const Keys cached = Cached();
  for (const char* key : {"test/q/a", "test/q/b", "test/q/c"}) {
    EXPECT_TRUE(std::find(cached.begin(), cached.end(), key) != cached.end()) << key;
  }
  EXPECT_TRUE(WaitUntil([&] { return DiskBytes() < (17u << 20); }, kSettleTimeout));
  EXPECT_TRUE(List(daemon_.cache() / "tmp").empty());
}

TEST_F(QuotaTest, OneJustFetchedIsNotEvictedAtOnce) {
  daemon_.Set("cache.minResidency", "1h");
  FillRandom(server_.Create("q/e"), kRepositoryBytes, 5);
  Mount();
  Open("q/a");
  Open("q/b");
  server_.ForgetRequests();
  for (int time = 0; time < 5; ++time) {
    EXPECT_EQ(ErrnoOfRead(Path("q/a") / "data/2"), 0);
    EXPECT_EQ(ErrnoOfRead(Path("q/b") / "data/2"), 0);
  }
  EXPECT_TRUE(server_.Fetches().empty()) << "a loop of cloning and evicting";
}

TEST_F(QuotaTest, AnEvictionIsRecordedWithItsReason) {
  OpenThree();
  Open("q/d");
  ExpectCached({"test/q/b", "test/q/c", "test/q/d"});
  EXPECT_NE(daemon_.Show(Key("q/a")).dump().find("quota"), std::string::npos)
      << daemon_.Show(Key("q/a"));
}

}  // namespace
}  // namespace reposfs::testing
