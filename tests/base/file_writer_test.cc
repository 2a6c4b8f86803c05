#include "base/file_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "base/file_util.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

constexpr std::size_t kChunkSize = 8192;

// Bytes that differ from place to place, so that one in the wrong place is seen.
std::string Numbered(std::size_t size) {
  std::string text;
  for (std::size_t number = 0; text.size() < size; ++number) text += std::to_string(number) + " ";
  text.resize(size);
  return text;
}

class FileWriterTest : public ::testing::TestWithParam<IoEngineChoice> {
 protected:
  FileWriterTest() {
    engine_ = IoEngine::Create(
        {.choice = GetParam(), .buffer_count = 2, .buffer_size_bytes = kChunkSize});
    Reopen("file");
  }
  ~FileWriterTest() override {
    writer_.reset();
    engine_.reset();
    EXPECT_EQ(testing::OpenFdCount(), fd_count_) << "leaked";
  }

  void Reopen(const std::string& name) {
    auto file = OpenFile(directory_ / name, O_RDWR | O_CREAT | O_TRUNC);
    ASSERT_TRUE(file);
    writer_ = std::make_unique<FileWriter>(*engine_, std::move(*file));
  }

  std::string Read(std::uint64_t offset, std::size_t size) {
    std::string into(size, '?');
    const Status read = writer_->ReadAt(offset, into);
    return read ? into : read.error().message;
  }

  const std::size_t fd_count_ = testing::OpenFdCount();
  testing::TempDir directory_{"file-writer"};
  std::unique_ptr<IoEngine> engine_;
  std::unique_ptr<FileWriter> writer_;
};

INSTANTIATE_TEST_SUITE_P(Engines, FileWriterTest,
                         ::testing::Values(IoEngineChoice::kAuto, IoEngineChoice::kThreads),
                         [](const auto& engine) {
                           return engine.param == IoEngineChoice::kAuto ? "auto" : "threads";
                         });

TEST_P(FileWriterTest, WritesWhatIsAppendedInPiecesOfAnySize) {
  const std::string content = Numbered(100 * kChunkSize + 17);
  std::size_t piece = 1;
  for (std::size_t begin = 0; begin < content.size(); begin += piece) {
    piece = std::min(piece * 3 % 20'011 + 1, content.size() - begin);
    ASSERT_TRUE(writer_->Append(std::span(content).subspan(begin, piece)));
  }
  EXPECT_EQ(writer_->size_bytes(), content.size());
  ASSERT_TRUE(writer_->Finish());
  EXPECT_EQ(testing::ReadFile(directory_ / "file"), content);
}

TEST_P(FileWriterTest, AppendingMayGoOnAfterFinish) {
  ASSERT_TRUE(writer_->Append(std::string_view("one ")));
  ASSERT_TRUE(writer_->Finish());
  EXPECT_EQ(testing::ReadFile(directory_ / "file"), "one ");
  ASSERT_TRUE(writer_->Append(std::string_view("two")));
  ASSERT_TRUE(writer_->Finish());
  EXPECT_EQ(testing::ReadFile(directory_ / "file"), "one two");
}

TEST_P(FileWriterTest, AnythingAppendedCanBeReadBackAtOnce) {
  const std::string content = Numbered(10 * kChunkSize + 5);
  ASSERT_TRUE(writer_->Append(content));
  EXPECT_EQ(Read(0, content.size()), content);
  EXPECT_EQ(Read(content.size() - 3, 3), content.substr(content.size() - 3));
  EXPECT_EQ(Read(kChunkSize - 1, 2), content.substr(kChunkSize - 1, 2));
  EXPECT_EQ(Read(content.size(), 0), "");
  EXPECT_EQ(Read(content.size(), 1), "read beyond what was appended");
  EXPECT_EQ(Read(~std::uint64_t{0}, 2), "read beyond what was appended");
}

TEST_P(FileWriterTest, OthersReadWhileItIsAppended) {
  const std::string content = Numbered(200 * kChunkSize);
  std::atomic<bool> ended = false;
  std::thread reader([&] {
    std::uint64_t place = 1;
    while (!ended) {
      const std::uint64_t size = writer_->size_bytes();
      if (size < 100) continue;
      place = place * 6'364'136'223'846'793'005u + 1;
      const std::uint64_t offset = (place >> 20) % (size - 99);
      ASSERT_EQ(Read(offset, 99), content.substr(offset, 99));
      // The end is where it changes.
      ASSERT_EQ(Read(size - 99, 99), content.substr(size - 99, 99));
    }
  });
  for (std::size_t begin = 0; begin < content.size(); begin += 1000) {
    EXPECT_TRUE(writer_->Append(std::span(content).subspan(begin).first(
        std::min<std::size_t>(1000, content.size() - begin))));
  }
  ended = true;
  reader.join();
}

TEST_P(FileWriterTest, AFullDiskIsToldAndRemembered) {
  const std::filesystem::path disk = directory_ / "disk";
  ASSERT_TRUE(MakeDirectories(disk));
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "*** SKIPPED: no tmpfs can be mounted here ***";
  }
  Reopen("disk/file");
  const std::string content = Numbered(128u << 10);
  Status appended = writer_->Append(content);
  const Status finished = writer_->Finish();
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, Errc::kNoSpace);
  appended = writer_->Append(content);
  ASSERT_FALSE(appended) << "it can't become whole any more";
  EXPECT_EQ(appended.error().code, Errc::kNoSpace);
  writer_.reset();
  EXPECT_EQ(::umount(disk.c_str()), 0);
}

TEST_P(FileWriterTest, DestructionWaitsForWhatIsInFlight) {
  const std::string content = Numbered(4 * kChunkSize);
  ASSERT_TRUE(writer_->Append(content));
  writer_.reset();
  EXPECT_EQ(testing::ReadFile(directory_ / "file"), content);
}

}  // namespace
}  // namespace reposfs
