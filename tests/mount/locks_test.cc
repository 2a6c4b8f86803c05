// Locks as users see them: of all processes on a cache directory.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

using nlohmann::json;

class LocksTest : public MountTest {
 protected:
  // Another process that wants the lock of `name` and keeps it.
  ChildProcess Take(const std::string& name, const std::string& mode) {
    return ChildProcess::Start({LOCK_WORKER, (daemon_.cache() / "catalog.db").string(), "1000",
                                "hold", name, mode, (scratch_ / "log").string()},
                               scratch_ / "output");
  }

  // The only lock of `state`, once there is one.
  json Find(const std::string& state) {
    json found;
    EXPECT_TRUE(WaitUntil(
        [&] {
          for (const json& lock : daemon_.CliJson({"locks"})) {
            if (lock["state"] == state) found = lock;
          }
          return found.is_object();
        },
        std::chrono::seconds(30)));
    return found;
  }
};

TEST_F(LocksTest, TheCommandShowsHoldersAndWaitersOfOtherProcesses) {
  Mount();
  EXPECT_EQ(daemon_.Cli({"locks"}).out, "nobody holds a lock\n");
  ChildProcess holder = Take("h/o/n", "exclusive");
  const json held = Find("held");
  EXPECT_EQ(held["scope"], "repository");
  EXPECT_EQ(held["name"], "h/o/n");
  EXPECT_EQ(held["mode"], "exclusive");
  EXPECT_TRUE(held["heldSince"].is_string());
  EXPECT_GT(held["leaseLeftMs"], 0);
  const std::string owner = held["owner"];
  EXPECT_TRUE(owner.ends_with(":" + std::to_string(holder.pid()))) << owner;

  ChildProcess waiter = Take("h/o/n", "shared");
  const json waits = Find("waiting");
  EXPECT_GT(waits["token"], held["token"]);
  EXPECT_TRUE(waits["heldSince"].is_null());
  const std::string text = daemon_.Cli({"locks"}).out;
  EXPECT_NE(text.find("repository  h/o/n  exclusive  held"), std::string::npos) << text;
  EXPECT_NE(text.find("repository  h/o/n  shared     waiting"), std::string::npos) << text;

  holder.Kill();
  EXPECT_TRUE(
      WaitUntil([&] { return Find("held")["token"] == waits["token"]; }, std::chrono::seconds(30)))
      << "the dead one's lease must lapse";
}

}  // namespace
}  // namespace reposfs::testing
