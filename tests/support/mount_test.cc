#include "tests/support/mount_test.h"

#include <unistd.h>

namespace reposfs::testing {

std::string WhyNoMount() {
  if (::access("/dev/fuse", R_OK | W_OK) != 0) return "/dev/fuse can't be opened";
  if (::access(Binary().c_str(), X_OK) != 0) return "reposfs is not built";
  return {};
}

MountTest::MountTest() {
  daemon_.AddHost("test", server_.UrlTemplate());
}

void MountTest::SetUp() {
  fd_count_ = OpenFdCount();
  REPOSFS_SKIP_WITHOUT_FUSE();
}

void MountTest::TearDown() {
  if (daemon_.running()) {
    EXPECT_TRUE(daemon_.Terminate());
  }
  EXPECT_LE(OpenFdCount(), fd_count_) << "the test leaks file descriptors";
}

}  // namespace reposfs::testing
