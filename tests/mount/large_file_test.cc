// A file of 300 MB, read in pieces, from the end, and by mmap.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "base/unique_fd.h"
#include "tests/support/mount_test.h"

namespace reposfs::testing {
namespace {

constexpr std::uint64_t kLineBytes = 32;

// What the file holds at [offset, offset + size): lines that name their own offset.
std::string Expected(std::uint64_t offset, std::size_t size) {
  std::string text;
  for (std::uint64_t line = offset / kLineBytes; text.size() < size + kLineBytes; ++line) {
    char buffer[kLineBytes + 1];
    std::snprintf(buffer, sizeof(buffer), "%031llu\n",
                  static_cast<unsigned long long>(line) * kLineBytes);
    text += buffer;
  }
  return text.substr(offset % kLineBytes, std::min<std::uint64_t>(size, kLargeFileBytes - offset));
}

class LargeFileTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    FillLargeFile(server_.Create("a/large"));
    Mount();
    file_ = Path("a/large") / "large.txt";
  }

  std::filesystem::path file_;
};

TEST_F(LargeFileTest, IsReadInPiecesOfAnySize) {
  const UniqueFd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(fd);
  std::mt19937_64 random(1);
  std::string buffer(300'000, '\0');
  for (int read = 0; read < 200; ++read) {
    const std::uint64_t offset = random() % kLargeFileBytes;
    const std::size_t size = 1 + random() % buffer.size();
    const ssize_t count = ::pread(fd.get(), buffer.data(), size, static_cast<off_t>(offset));
    const std::string expected = Expected(offset, size);
    ASSERT_EQ(static_cast<std::size_t>(count), expected.size()) << "at " << offset;
    ASSERT_TRUE(buffer.compare(0, expected.size(), expected) == 0) << "at " << offset;
  }
}

TEST_F(LargeFileTest, IsReadByMmap) {
  const UniqueFd fd(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat stat;
  ASSERT_EQ(::fstat(fd.get(), &stat), 0);
  ASSERT_EQ(static_cast<std::uint64_t>(stat.st_size), kLargeFileBytes);
  void* memory = ::mmap(nullptr, kLargeFileBytes, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::string_view bytes(static_cast<const char*>(memory), kLargeFileBytes);
  for (std::uint64_t offset = kLargeFileBytes - 1000; offset > (10 << 20); offset -= 10 << 20) {
    EXPECT_EQ(bytes.substr(offset, 100), Expected(offset, 100)) << "at " << offset;
  }
  ::munmap(memory, kLargeFileBytes);
}

TEST_F(LargeFileTest, EqualsItsCheckout) {
  AddWorktree(server_.Path("a/large"), scratch_ / "expected", "main");
  const Comparison comparison = CompareTrees(scratch_ / "expected", Path("a/large"));
  EXPECT_TRUE(comparison.equal()) << comparison;
}

TEST_F(LargeFileTest, ManyReadersShareOneCopyInMemory) {
  const CommandResult read =
      Sh("for i in 1 2 3 4; do cat '" + file_.string() + "' >/dev/null & done; wait");
  EXPECT_TRUE(read.ok()) << read;
  EXPECT_LT(daemon_.MemoryBytes(), 3 * kLargeFileBytes);
}

}  // namespace
}  // namespace reposfs::testing
