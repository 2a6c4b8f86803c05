#include "fs/mount_device.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace reposfs {
namespace {

constexpr char kMountinfo[] =
    "22 1 0:20 / / rw shared:1 - ext4 /dev/vda rw\n"
    "30 22 0:41 / /repos rw,nosuid - fuse.reposfs reposfs ro\n"
    "31 22 0:52 /sub /repos/inside rw - tmpfs none rw\n"
    "32 22 0:600 / /my\\040repos rw - fuse.reposfs reposfs ro\n"
    "33 30 0:43 / /repos rw - fuse.reposfs reposfs ro";

TEST(MountDeviceTest, TheLastMountOnAPathIsTheOneThatIsSeen) {
  EXPECT_EQ(DeviceMountedOn("/repos", kMountinfo), makedev(0, 43));
}

TEST(MountDeviceTest, SpacesAreEscaped) {
  EXPECT_EQ(DeviceMountedOn("/my repos", kMountinfo), makedev(0, 600));
}

TEST(MountDeviceTest, WhereNothingIsMountedThereIsNone) {
  EXPECT_EQ(DeviceMountedOn("/repo", kMountinfo), dev_t{0});
  EXPECT_EQ(DeviceMountedOn("/repos/", kMountinfo), dev_t{0});
  EXPECT_EQ(DeviceMountedOn("/", ""), dev_t{0});
}

TEST(MountDeviceTest, RubbishIsSkipped) {
  EXPECT_EQ(DeviceMountedOn("/a", "1\n\n1 2 x / /a\n   \n1 2 0:7 / /a"), makedev(0, 7));
}

}  // namespace
}  // namespace reposfs
