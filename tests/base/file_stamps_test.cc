#include "base/file_stamps.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using testing::WriteFile;

class FileStampsTest : public ::testing::Test {
 protected:
  FileStamps Look() const { return FileStamps({directory_ / "a", directory_ / "b"}); }

  testing::TempDir directory_{"stamps"};
};

TEST_F(FileStampsTest, SameFilesAreUnchanged) {
  WriteFile(directory_ / "a", "one");
  const FileStamps stamps = Look();
  EXPECT_TRUE(stamps.Unchanged()) << "one that is not there stays so";
  EXPECT_TRUE(stamps.Covers(directory_ / "b"));
  EXPECT_FALSE(stamps.Covers(directory_ / "c"));
  EXPECT_TRUE(FileStamps().Unchanged());
}

TEST_F(FileStampsTest, OneThatAppearsOrGoesIsAChange) {
  WriteFile(directory_ / "a", "one");
  const FileStamps before = Look();
  WriteFile(directory_ / "b", "");
  EXPECT_FALSE(before.Unchanged());
  const FileStamps after = Look();
  std::filesystem::remove(directory_ / "a");
  EXPECT_FALSE(after.Unchanged());
}

TEST_F(FileStampsTest, OtherContentIsAChange) {
  WriteFile(directory_ / "a", "one");
  const FileStamps stamps = Look();
  WriteFile(directory_ / "a", "three");
  EXPECT_FALSE(stamps.Unchanged());
}

// As editors and `git config` do it; the times are made the same.
TEST_F(FileStampsTest, AReplacedFileIsAChange) {
  WriteFile(directory_ / "a", "one");
  WriteFile(directory_ / "next", "two");
  const std::filesystem::path a = directory_ / "a";
  const std::filesystem::path next = directory_ / "next";
  const timespec times[] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, a.c_str(), times, 0), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, next.c_str(), times, 0), 0);
  const FileStamps stamps = Look();
  std::filesystem::rename(next, a);
  EXPECT_FALSE(stamps.Unchanged());
}

TEST_F(FileStampsTest, ALinkIsWhatItLeadsTo) {
  WriteFile(directory_ / "one", "one");
  WriteFile(directory_ / "two", "two");
  std::filesystem::create_symlink("one", directory_ / "a");
  const FileStamps stamps = Look();
  EXPECT_TRUE(stamps.Unchanged());
  std::filesystem::remove(directory_ / "a");
  std::filesystem::create_symlink("two", directory_ / "a");
  EXPECT_FALSE(stamps.Unchanged());
}

}  // namespace
}  // namespace reposfs
