// What `cache.neverEvictFile` names is fetched without anybody opening it.

#include <gtest/gtest.h>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

using nlohmann::json;

constexpr auto kSoon = std::chrono::seconds(60);

class PinnedMountTest : public MountTest {
 protected:
  PinnedMountTest() { daemon_.Set("cache.neverEvictFile", file_.string()); }

  // The problem of the status whose `field` is `value`; null if there is none.
  json Problem(const std::string& field, const std::string& value) {
    const json status = daemon_.CliJson({"status"});
    for (const json& problem : status["problems"]) {
      if (problem.contains(field) && problem[field] == value) return problem;
    }
    return nullptr;
  }

  const std::filesystem::path file_ = scratch_ / "pins";
};

TEST_F(PinnedMountTest, TheFileIsFollowedWhileTheMountServes) {
  for (const char* name : {"p/first", "p/second", "p/third"}) FillSmall(server_.Create(name));
  WriteFile(file_, "# what the build needs\n" + server_.Url("p/first") + "\n");
  Mount();
  EXPECT_TRUE(daemon_.WaitForStage(Key("p/first"), "complete"));
  EXPECT_EQ(daemon_.Show(Key("p/first"))["pinned"], true);

  WriteFile(file_, server_.Url("p/first") + "\n" + Key("p/second") + "\n" + Key("p/th*") + "\n");
  EXPECT_TRUE(daemon_.WaitForStage(Key("p/second"), "complete"));
  EXPECT_EQ(daemon_.CachedKeys(), (std::vector<std::string>{Key("p/first"), Key("p/second")}))
      << "a pattern names nothing";

  // A mistake changes nothing, and is told.
  WriteFile(file_, Key("p/third") + "\nhttps://unknown.example/a/b\n");
  const std::string place = file_.string() + ":2";
  ASSERT_TRUE(WaitUntil([&] { return !Problem("place", place).is_null(); }, kSoon));
  EXPECT_EQ(Problem("place", place)["code"], "invalid-argument");
  EXPECT_NE(daemon_.Cli({"status"}).out.find(place), std::string::npos);
  EXPECT_NE(daemon_.Log().find(place), std::string::npos);
  EXPECT_EQ(daemon_.Show(Key("p/first"))["pinned"], true);
  EXPECT_EQ(daemon_.CachedKeys().size(), 2u);

  WriteFile(file_, Key("p/third") + "\n" + Key("p/none") + "\n");
  EXPECT_TRUE(daemon_.WaitForStage(Key("p/third"), "complete"));
  EXPECT_EQ(daemon_.Show(Key("p/first"))["pinned"], false);
  EXPECT_TRUE(Problem("place", place).is_null());
  ASSERT_TRUE(WaitUntil([&] { return !Problem("key", Key("p/none")).is_null(); }, kSoon));
  EXPECT_EQ(Problem("key", Key("p/none"))["code"], "not-found");
}

TEST_F(PinnedMountTest, WhatIsEvictedComesBack) {
  FillSmall(server_.Create("p/small"));
  WriteFile(file_, Key("p/small") + "\n");
  daemon_.Set("freshness.maxAge", "1s");
  Mount();
  ASSERT_TRUE(daemon_.WaitForStage(Key("p/small"), "complete"));
  ASSERT_TRUE(WaitUntil([&] { return daemon_.Cli({"evict", Key("p/small")}).ok(); }, kSoon));
  EXPECT_TRUE(daemon_.WaitForStage(Key("p/small"), "complete"));
  EXPECT_EQ(daemon_.Show(Key("p/small"))["evictions"].size(), 1u);
}

}  // namespace
}  // namespace reposfs::testing
