// The fixture of every test on a real mount: a git host, a daemon, and a check that nothing is
// left.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/command.h"
#include "tests/support/daemon.h"
#include "tests/support/files.h"
#include "tests/support/git_server.h"
#include "tests/support/sample_repositories.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tree_compare.h"

namespace reposfs::testing {

// Skips where nothing can be mounted, with a message that nobody overlooks.
#define REPOSFS_SKIP_WITHOUT_FUSE()                                                        \
  if (const std::string why = ::reposfs::testing::WhyNoMount(); !why.empty()) {            \
    GTEST_SKIP() << "\n*** SKIPPED: " << why << "; nothing about the mount is tested ***"; \
  }

// Empty if this machine can mount the program under test.
std::string WhyNoMount();

// The daemon is configured with a host `test` (the server) but not started: a test changes what it
// is about, then calls Mount().
class MountTest : public ::testing::Test {
 protected:
  MountTest();
  void SetUp() override;
  void TearDown() override;

  // Starts the daemon; a failure ends the test.
  void Mount() { ASSERT_TRUE(daemon_.Start()); }

  // "test/<name>", the key of the server's repository `name`.
  static std::string Key(const std::string& name) { return "test/" + name; }
  // The directory of the server's repository `name`, given as "owner/name" or "owner/name@ref".
  std::filesystem::path Path(const std::string& name) const { return daemon_ / Key(name); }

  GitServer server_;
  Daemon daemon_;
  TempDir scratch_{"scratch"};

 private:
  std::size_t fd_count_ = 0;
};

}  // namespace reposfs::testing
