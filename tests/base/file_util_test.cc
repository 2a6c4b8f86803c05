#include "base/file_util.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using testing::TempDir;
using testing::WriteFile;

class FileUtilTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(testing::OpenFdCount(), fd_count_) << "leaked"; }

  const std::size_t fd_count_ = testing::OpenFdCount();
  TempDir directory_{"file-util"};
};

std::uint64_t Blocks(const std::filesystem::path& path) {
  struct stat info {};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0);
  return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

TEST_F(FileUtilTest, OpenedFilesDoNotReachChildren) {
  WriteFile(directory_ / "file", "x");
  const auto fd = OpenFile(directory_ / "file", O_RDONLY);
  ASSERT_TRUE(fd);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(FileUtilTest, ReadsAWholeFile) {
  const std::string content(200'000, 'x');
  WriteFile(directory_ / "file", content);
  EXPECT_EQ(*ReadFile(directory_ / "file"), content);
}

TEST_F(FileUtilTest, AMissingFileIsNotFound) {
  const auto content = ReadFile(directory_ / "none");
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, Errc::kNotFound);
}

TEST_F(FileUtilTest, AFileLargerThanExpectedIsRefused) {
  WriteFile(directory_ / "file", "four");
  EXPECT_TRUE(ReadFile(directory_ / "file", 4));
  const auto content = ReadFile(directory_ / "file", 3);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, Errc::kNoSpace);
}

TEST_F(FileUtilTest, WhatIsWrittenCanBeSynced) {
  ASSERT_TRUE(reposfs::WriteFile(directory_ / "file", "a longer one"));
  ASSERT_TRUE(reposfs::WriteFile(directory_ / "file", "new"));
  EXPECT_EQ(testing::ReadFile(directory_ / "file"), "new");
  EXPECT_TRUE(SyncFile(directory_ / "file"));
  EXPECT_EQ(SyncFile(directory_ / "none").error().code, Errc::kNotFound);
  EXPECT_FALSE(SyncDirectory(directory_ / "file"));
}

TEST_F(FileUtilTest, AnAtomicWriteReplacesTheContentAndLeavesNothingElse) {
  ASSERT_TRUE(WriteFileAtomically(directory_ / "file", "old"));
  ASSERT_TRUE(WriteFileAtomically(directory_ / "file", "new"));
  EXPECT_EQ(testing::ReadFile(directory_ / "file"), "new");
  EXPECT_EQ(testing::List(directory_.path()), std::vector<std::string>{"file"});
}

TEST_F(FileUtilTest, WhoHasTheOldFileOpenKeepsItWhole) {
  ASSERT_TRUE(WriteFileAtomically(directory_ / "file", "old"));
  const auto fd = OpenFile(directory_ / "file", O_RDONLY);
  ASSERT_TRUE(fd);
  ASSERT_TRUE(WriteFileAtomically(directory_ / "file", "new"));
  char text[4] = {};
  EXPECT_EQ(::read(fd->get(), text, 3), 3);
  EXPECT_STREQ(text, "old");
}

TEST_F(FileUtilTest, AFailedAtomicWriteLeavesTheOldContent) {
  ASSERT_TRUE(WriteFileAtomically(directory_ / "file", "old"));
  std::filesystem::create_directory(directory_ / "file.new");
  EXPECT_FALSE(WriteFileAtomically(directory_ / "file", "new"));
  EXPECT_EQ(testing::ReadFile(directory_ / "file"), "old");
}

TEST_F(FileUtilTest, AnAtomicWriteIntoNowhereIsNotFound) {
  const Status written = WriteFileAtomically(directory_ / "none/file", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::kNotFound);
}

TEST_F(FileUtilTest, MakesEveryDirectoryOfAPath) {
  EXPECT_TRUE(MakeDirectories(directory_ / "a/b/c"));
  EXPECT_TRUE(MakeDirectories(directory_ / "a/b/c")) << "what is there is no error";
  EXPECT_TRUE(std::filesystem::is_directory(directory_ / "a/b/c"));
}

TEST_F(FileUtilTest, ADirectoryCannotBeMadeOfAFile) {
  WriteFile(directory_ / "file", "x");
  EXPECT_FALSE(MakeDirectories(directory_ / "file/below"));
}

TEST_F(FileUtilTest, RemoveTreeNeverFollowsALink) {
  std::filesystem::create_directories(directory_ / "kept");
  WriteFile(directory_ / "kept/file", "x");
  std::filesystem::create_directories(directory_ / "gone/below");
  std::filesystem::create_directory_symlink(directory_ / "kept", directory_ / "gone/below/link");
  ASSERT_TRUE(RemoveTree(directory_ / "gone"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "gone"));
  EXPECT_EQ(testing::ReadFile(directory_ / "kept/file"), "x");
}

TEST_F(FileUtilTest, RemoveTreeOfALinkRemovesTheLink) {
  std::filesystem::create_directories(directory_ / "kept");
  WriteFile(directory_ / "kept/file", "x");
  std::filesystem::create_directory_symlink(directory_ / "kept", directory_ / "link");
  ASSERT_TRUE(RemoveTree(directory_ / "link"));
  EXPECT_EQ(testing::List(directory_.path()), std::vector<std::string>{"kept"});
  EXPECT_EQ(testing::ReadFile(directory_ / "kept/file"), "x");
}

TEST_F(FileUtilTest, RemoveTreeIsNotDisturbedByOthersWhoRemove) {
  constexpr int kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < 200; ++i) {
      const auto place = directory_ / "tree" / std::to_string(i % 20) / std::to_string(i);
      ASSERT_TRUE(MakeDirectories(place));
    }
    Status others;
    std::thread other([&] { others = RemoveTree(directory_ / "tree"); });
    const Status removed = RemoveTree(directory_ / "tree");
    other.join();
    ASSERT_TRUE(removed) << removed.error().message;
    ASSERT_TRUE(others) << others.error().message;
    ASSERT_FALSE(std::filesystem::exists(directory_ / "tree"));
  }
}

TEST_F(FileUtilTest, RemoveTreeOfNothingIsNoError) {
  EXPECT_TRUE(RemoveTree(directory_ / "none"));
  EXPECT_TRUE(RemoveTree(directory_ / "none/below"));
}

TEST_F(FileUtilTest, DiskUsageCountsBlocksNotSizes) {
  std::filesystem::create_directory(directory_ / "d");
  WriteFile(directory_ / "d/sparse", "");
  std::filesystem::resize_file(directory_ / "d/sparse", 100 << 20);
  WriteFile(directory_ / "d/full", std::string(100'000, 'x'));
  const std::uint64_t expected =
      Blocks(directory_ / "d") + Blocks(directory_ / "d/sparse") + Blocks(directory_ / "d/full");
  EXPECT_EQ(DiskUsageBytes(directory_ / "d"), expected);
  EXPECT_LT(DiskUsageBytes(directory_ / "d"), 1u << 20);
}

TEST_F(FileUtilTest, DiskUsageDoesNotFollowALink) {
  std::filesystem::create_directory(directory_ / "big");
  WriteFile(directory_ / "big/file", std::string(1 << 20, 'x'));
  std::filesystem::create_directory(directory_ / "d");
  std::filesystem::create_directory_symlink(directory_ / "big", directory_ / "d/link");
  EXPECT_LT(DiskUsageBytes(directory_ / "d"), 1u << 20);
}

TEST_F(FileUtilTest, DiskUsageOfNothingIsNothing) {
  EXPECT_EQ(DiskUsageBytes(directory_ / "none"), 0u);
}

TEST_F(FileUtilTest, SpaceIsThatOfTheFileSystem) {
  const auto space = SpaceOf(directory_.path());
  ASSERT_TRUE(space);
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->available_bytes, space->total_bytes);
  EXPECT_FALSE(SpaceOf(directory_ / "none"));
}

}  // namespace
}  // namespace reposfs
