// A directory of many files: what it costs to list, to know, and to forget.

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "tests/support/mount_test.h"
#include "tests/support/repository_builder.h"

namespace reposfs::testing {
namespace {

constexpr std::size_t kFileCount = 20'000;

class LargeDirectoryTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    RepositoryBuilder builder(server_.Create("o/many"));
    const RepositoryBuilder::Mark blob = builder.Blob("content");
    std::map<std::string, RepositoryBuilder::Mark> files;
    for (std::size_t i = 0; i < kFileCount; ++i) {
      files["all/" + std::to_string(100'000 + i)] = blob;
    }
    builder.CommitBlobs("main", "many", files);
    builder.Finish();
    Mount();
    ASSERT_TRUE(daemon_.Warm(Key("o/many"), "content"));
  }

  std::size_t NodeCount() const { return daemon_.CliJson({"status"})["nodes"]; }
};

TEST_F(LargeDirectoryTest, EveryPieceOfAListingComesWithAttributes) {
  EXPECT_EQ(List(Path("o/many") / "all").size(), kFileCount);
  EXPECT_GE(NodeCount(), kFileCount) << "what came without is looked up one by one";
}

TEST_F(LargeDirectoryTest, WhatTheKernelForgetsIsForgotten) {
  List(Path("o/many") / "all");
  ASSERT_GE(NodeCount(), kFileCount);
  std::ofstream drop("/proc/sys/vm/drop_caches");
  if (!(drop << "2" << std::endl)) GTEST_SKIP() << "the kernel can't be told to forget here";
  EXPECT_TRUE(WaitUntil([&] { return NodeCount() < 100; }, std::chrono::seconds(10)))
      << NodeCount() << " nodes are left";
}

}  // namespace
}  // namespace reposfs::testing
