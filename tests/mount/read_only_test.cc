// The mount is read-only, whoever asks and wherever: every write is EROFS.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

int ErrnoOf(const std::function<int()>& call) {
  errno = 0;
  const int result = call();
  if (result >= 0) return 0;
  return errno;
}

class ReadOnlyTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    FillSmall(server_.Create("a/small"));
    Mount();
    ASSERT_TRUE(daemon_.Warm(Key("a/small")));
  }

  // Every way to make something new in `directory`.  The name is one that no host could have: any
  // other owner is a directory already, so that EEXIST would come first.
  void ExpectNothingCanBeMade(const std::filesystem::path& directory) {
    SCOPED_TRACE(directory);
    const std::string path = directory / "-new";
    EXPECT_EQ(ErrnoOf([&] { return ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644); }),
              EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::mkdir(path.c_str(), 0755); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::symlink("target", path.c_str()); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::mknod(path.c_str(), S_IFIFO | 0644, 0); }), EROFS);
  }

  // Every way to change what is there.
  void ExpectNothingCanBeChanged(const std::filesystem::path& file) {
    SCOPED_TRACE(file);
    const char* path = file.c_str();
    const std::string other = file.string() + ".other";
    EXPECT_EQ(ErrnoOf([&] { return ::open(path, O_WRONLY | O_CLOEXEC); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::open(path, O_RDWR | O_CLOEXEC); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::truncate(path, 0); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::unlink(path); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::rename(path, other.c_str()); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::link(path, other.c_str()); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::chmod(path, 0777); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::chown(path, 1, 1); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::utimensat(AT_FDCWD, path, nullptr, 0); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::setxattr(path, "user.x", "y", 1, 0); }), EROFS);
    EXPECT_EQ(ErrnoOf([&] { return ::removexattr(path, "user.reposfs.oid"); }), EROFS);
  }
};

TEST_F(ReadOnlyTest, NothingCanBeMade) {
  ExpectNothingCanBeMade(daemon_.mountpoint());
  ExpectNothingCanBeMade(daemon_ / "test");
  ExpectNothingCanBeMade(daemon_ / "test/a");
  ExpectNothingCanBeMade(Path("a/small"));
  ExpectNothingCanBeMade(Path("a/small") / "src");
  ExpectNothingCanBeMade(Path("a/small") / ".git");
  ExpectNothingCanBeMade(Path("a/small") / ".git/refs");
  ExpectNothingCanBeMade(Path("a/small@v1.0"));
}

TEST_F(ReadOnlyTest, NoFileCanBeChanged) {
  ExpectNothingCanBeChanged(Path("a/small") / "README.md");
  ExpectNothingCanBeChanged(Path("a/small") / "src/main.c");
  ExpectNothingCanBeChanged(Path("a/small") / ".git/HEAD");
  ExpectNothingCanBeChanged(Path("a/small") / ".git/index");
}

TEST_F(ReadOnlyTest, NoDirectoryCanBeRemovedOrRenamed) {
  for (const auto& directory : {Path("a/small"), Path("a/small") / "src", daemon_ / "test"}) {
    const std::string other = directory.string() + ".other";
    EXPECT_EQ(ErrnoOf([&] { return ::rmdir(directory.c_str()); }), EROFS) << directory;
    EXPECT_EQ(ErrnoOf([&] { return ::rename(directory.c_str(), other.c_str()); }), EROFS)
        << directory;
    EXPECT_EQ(ErrnoOf([&] { return ::chmod(directory.c_str(), 0777); }), EROFS) << directory;
  }
}

TEST_F(ReadOnlyTest, TheMountSaysSo) {
  const CommandResult line =
      Sh("grep -F ' " + daemon_.mountpoint().string() + " ' /proc/self/mounts");
  const std::string options = "," + line.out.substr(line.out.find(" fuse")) + ",";
  for (const char* option : {"ro,", "nosuid", "nodev", "default_permissions"}) {
    EXPECT_NE(options.find(option), std::string::npos) << option << " in " << line.out;
  }
}

}  // namespace
}  // namespace reposfs::testing
