// A ring of two, one of which lies.  Whatever it says, users see what the git host has.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "tests/support/mount_test.h"
#include "tests/support/repository_builder.h"
#include "tests/support/tcp_server.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;

class LyingPeerTest : public MountTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    for (int i = 0; i < repository_count_; ++i) {
      const fs::path repository = server_.Create(NameOf(i));
      FillSmall(repository);
      fs::create_directories(old_ / NameOf(i));
      fs::copy(repository, old_ / (NameOf(i) + ".git"), fs::copy_options::recursive);
      RepositoryBuilder(repository).Commit("main", "now\n", {File("file", "of " + NameOf(i))});
    }
    const std::uint16_t mine = FreePort();
    const std::uint16_t its = FreePort();
    WriteFile(scratch_ / "token", "the-secret-of-this-ring\n");
    daemon_.Set("http.listen", "127.0.0.1:" + std::to_string(mine));
    // Else what is old is shown while it is checked.
    daemon_.Set("freshness.mode", "strict");
    // Soon more than the quota, for which nobody else shall have to go.
    if (IsEndlessPack()) daemon_.Set("cache.quota", "16MiB");
    daemon_.Set("ring.enabled", "true");
    daemon_.Set("ring.nodeId", "honest");
    daemon_.Set("ring.tokenFile", scratch_ / "token");
    daemon_.Set("ring.healthCheckInterval", "1s");
    daemon_.Set("ring.nodes", "[{ id: honest, address: \"http://127.0.0.1:" + std::to_string(mine) +
                                  "\" }, { id: liar, address: \"http://127.0.0.1:" +
                                  std::to_string(its) + "\" }]");
    liar_ = ChildProcess::Start(
        {"python3", std::string(REPOSFS_SOURCE_DIR) + "/tests/support/lying_peer.py",
         std::to_string(its), GetParam(), server_.root().string(), old_.path().string()},
        scratch_ / "liar.log");
    ASSERT_TRUE(WaitUntil([&] { return Listens(its); }, std::chrono::seconds(20)))
        << ReadFile(scratch_ / "liar.log");
  }
  void TearDown() override {
    MountTest::TearDown();
    liar_.Kill();
  }

  static std::string NameOf(int i) { return "o/r" + std::to_string(i); }

  static bool IsEndlessPack() { return std::string(GetParam()) == "endless-pack"; }

  const int repository_count_ = IsEndlessPack() ? 1 : 4;
  TempDir old_{"old"};
  ChildProcess liar_;
};

TEST_P(LyingPeerTest, CostsARetryElsewhereAndALineInTheLog) {
  Mount();
  for (int i = 0; i < repository_count_; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(ReadFile(Path(NameOf(i)) / "file"), "of " + NameOf(i));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(10));
  }
  for (int i = 0; i < repository_count_; ++i) {
    EXPECT_TRUE(daemon_.WaitForStage(Key(NameOf(i)), "complete"));
    EXPECT_EQ(Git(Path(NameOf(i)), {"rev-parse", "HEAD"}),
              Git(server_.Path(NameOf(i)), {"rev-parse", "main"}));
    Git(Path(NameOf(i)), {"fsck", "--full", "--strict"});
  }
  const bool is_told = daemon_.Log().find("peer did not deliver") != std::string::npos;
  const bool is_refused = daemon_.Log().find("the quota is 16 MiB") != std::string::npos;
  EXPECT_EQ(is_refused, IsEndlessPack()) << daemon_.Log();
  EXPECT_EQ(is_told, std::string(GetParam()) != "none") << daemon_.Log();
}

INSTANTIATE_TEST_SUITE_P(Lies, LyingPeerTest,
                         ::testing::Values("none", "invented-refs", "invented-ref", "old-refs",
                                           "endless-refs", "wrong-objects", "endless-words",
                                           "endless-pack", "half", "garbage", "hidden-shallow",
                                           "made-up-shallow", "silence"),
                         [](const auto& lie) {
                           std::string name = lie.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace reposfs::testing
