// The same promises of both engines.
#include "base/io_engine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file_util.h"
#include "base/thread_io_engine.h"
#include "base/uring_io_engine.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using testing::TempDir;
using testing::WriteFile;

constexpr std::size_t kPageSize = 4096;

// Never defined: names the type of what a callback is told.
template <typename T>
T ArgumentOf(const std::function<void(T)>& callback);

class IoEngineTest : public ::testing::TestWithParam<const char*> {
 protected:
  IoEngineTest() { MakeEngine({}); }
  ~IoEngineTest() override {
    engine_.reset();
    EXPECT_EQ(testing::OpenFdCount(), fd_count_) << "leaked";
  }

  void SetUp() override {
    if (!engine_) GTEST_SKIP() << "*** SKIPPED: io_uring is refused here: " << refusal_ << " ***";
  }

  void MakeEngine(IoEngineOptions options) {
    engine_.reset();
    if (std::string_view(GetParam()) == "threads") {
      engine_ = std::make_unique<ThreadIoEngine>(options, "");
      return;
    }
    auto engine = UringIoEngine::Create(options);
    if (engine) {
      engine_ = std::move(*engine);
    } else {
      refusal_ = engine.error().message;
    }
  }

  // Submits an operation without its callback, and waits for what that is told.
  template <typename Operation>
  auto Do(Operation operation) {
    using Told = decltype(ArgumentOf(operation.done));
    auto told = std::make_shared<std::promise<Told>>();
    operation.done = [told](Told result) { told->set_value(std::move(result)); };
    engine_->Submit(std::move(operation));
    return told->get_future().get();
  }

  UniqueFd Open(const std::string& name, int flags = O_RDWR | O_CREAT) {
    auto file = OpenFile(directory_ / name, flags);
    EXPECT_TRUE(file);
    return std::move(*file);
  }

  const std::size_t fd_count_ = testing::OpenFdCount();
  TempDir directory_{"io-engine"};
  std::string refusal_;
  std::unique_ptr<IoEngine> engine_;
};

INSTANTIATE_TEST_SUITE_P(Engines, IoEngineTest, ::testing::Values("io_uring", "threads"),
                         [](const auto& engine) { return std::string(engine.param); });

// A FIFO: to open it ends only when somebody has opened its other end.
class Gate {
 public:
  explicit Gate(std::filesystem::path path) : path_(std::move(path)) {
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  }

  // O_CREAT keeps io_uring from trying it without blocking first.
  OpenOperation Enter(IoCallback<UniqueFd> done) const {
    return {.path = path_.string(), .flags = O_RDONLY | O_CREAT, .done = std::move(done)};
  }

  // Lets all pass who wait, and who come later.
  void Open() { both_.reset(::open(path_.c_str(), O_RDWR | O_CLOEXEC)); }

 private:
  const std::filesystem::path path_;
  UniqueFd both_;
};

TEST_P(IoEngineTest, ReadsWhatWasWritten) {
  const UniqueFd file = Open("file");
  const std::string_view text = "0123456789";
  ASSERT_TRUE(Do(WriteOperation{.fd = file.get(), .offset = 0, .from = text, .done = {}}));
  ASSERT_TRUE(Do(SyncOperation{.fd = file.get(), .done = {}}));
  ASSERT_TRUE(Do(WritebackOperation{.fd = file.get(), .offset = 0, .size_bytes = 10, .done = {}}));
  std::string into(4, '?');
  const auto read = Do(ReadOperation{.fd = file.get(), .offset = 3, .into = into, .done = {}});
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, 4u);
  EXPECT_EQ(into, "3456");
}

TEST_P(IoEngineTest, ReadsAreShortAtTheEndOfTheFileOnly) {
  WriteFile(directory_ / "file", "0123456789");
  const UniqueFd file = Open("file");
  std::string into(100, '?');
  EXPECT_EQ(*Do(ReadOperation{.fd = file.get(), .offset = 8, .into = into, .done = {}}), 2u);
  EXPECT_EQ(into.substr(0, 3), "89?");
  EXPECT_EQ(*Do(ReadOperation{.fd = file.get(), .offset = 10, .into = into, .done = {}}), 0u);
}

TEST_P(IoEngineTest, ContinuesAReadThatTheKernelDoesInPart) {
  // It is generated a few pages at a time.
  const auto file = OpenFile("/proc/kallsyms", O_RDONLY);
  if (!file) GTEST_SKIP() << "*** SKIPPED: no /proc/kallsyms here ***";
  std::string into(1 << 18, '?');
  const ssize_t in_one_call = ::pread(file->get(), into.data(), into.size(), 0);
  if (in_one_call <= 0) GTEST_SKIP() << "*** SKIPPED: /proc/kallsyms is empty here ***";
  ASSERT_LT(in_one_call, static_cast<ssize_t>(into.size())) << "the kernel has changed";
  const auto read = Do(ReadOperation{.fd = file->get(), .offset = 0, .into = into, .done = {}});
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, into.size());
}

TEST_P(IoEngineTest, OpensStatsAndUnlinksByName) {
  const UniqueFd directory = Open(".", O_RDONLY | O_DIRECTORY);
  auto file = Do(OpenOperation{
      .path = "new", .flags = O_WRONLY | O_CREAT, .directory = directory.get(), .done = {}});
  ASSERT_TRUE(file);
  EXPECT_NE(::fcntl(file->get(), F_GETFD) & FD_CLOEXEC, 0) << "would reach children";
  ASSERT_TRUE(Do(WriteOperation{
      .fd = file->get(), .offset = 0, .from = std::string_view("four"), .done = {}}));
  const auto info = Do(StatOperation{.path = "new", .directory = directory.get(), .done = {}});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->stx_size, 4u);
  ASSERT_TRUE(Do(UnlinkOperation{.path = "new", .directory = directory.get(), .done = {}}));
  EXPECT_EQ(testing::ErrnoOfStat(directory_ / "new"), ENOENT);
}

TEST_P(IoEngineTest, TellsWhatWentWrong) {
  EXPECT_EQ(
      Do(OpenOperation{.path = directory_ / "absent", .flags = O_RDONLY, .done = {}}).error().code,
      Errc::kNotFound);
  EXPECT_EQ(Do(StatOperation{.path = directory_ / "absent", .done = {}}).error().code,
            Errc::kNotFound);
  EXPECT_EQ(Do(UnlinkOperation{.path = directory_ / "absent", .done = {}}).error().code,
            Errc::kNotFound);
  std::string into(4, '?');
  const auto read = Do(ReadOperation{.fd = -1, .offset = 0, .into = into, .done = {}});
  EXPECT_EQ(read.error().message, "read: Bad file descriptor");
  const UniqueFd read_only = Open("file", O_RDONLY | O_CREAT);
  EXPECT_FALSE(Do(WriteOperation{.fd = read_only.get(), .offset = 0, .from = into, .done = {}}));
  EXPECT_FALSE(Do(SyncOperation{.fd = -1, .done = {}}));
}

TEST_P(IoEngineTest, AWriteThatHasRoomForAPartFails) {
  const std::filesystem::path disk = directory_ / "disk";
  ASSERT_TRUE(MakeDirectories(disk));
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "*** SKIPPED: no tmpfs can be mounted here ***";
  }
  {
    const UniqueFd file = Open("disk/file");
    const std::string content(128u << 10, 'x');
    const auto written =
        Do(WriteOperation{.fd = file.get(), .offset = 0, .from = content, .done = {}});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Errc::kNoSpace);
  }
  EXPECT_EQ(::umount(disk.c_str()), 0);
}

TEST_P(IoEngineTest, ABatchMayBeLargerThanTheLimit) {
  constexpr std::size_t kLimit = 4;
  constexpr std::size_t kCount = 100;
  MakeEngine({.in_flight_count_max = kLimit});
  std::string content;
  for (std::size_t index = 0; index < kCount; ++index) content += std::to_string(index % 10);
  WriteFile(directory_ / "file", content);
  const UniqueFd file = Open("file");
  std::string into(kCount, '?');
  std::atomic<std::size_t> most = 0;
  std::latch done(kCount);
  std::vector<IoOperation> batch;
  for (std::size_t index = 0; index < kCount; ++index) {
    batch.push_back(ReadOperation{.fd = file.get(),
                                  .offset = index,
                                  .into = std::span(into).subspan(index, 1),
                                  .done = [&](Result<std::size_t> size) {
                                    EXPECT_TRUE(size);
                                    most = std::max<std::size_t>(most, engine_->in_flight_count());
                                    done.count_down();
                                  }});
  }
  engine_->Submit(std::move(batch));
  done.wait();
  EXPECT_EQ(into, content) << "each read has its own place, whatever the order";
  EXPECT_LE(most, kLimit);
}

TEST_P(IoEngineTest, SubmittingWaitsWhileTooManyAreInFlight) {
  MakeEngine({.in_flight_count_max = 2});
  Gate gate(directory_ / "gate");
  std::latch passed(3);
  const auto enter = [&] {
    engine_->Submit(gate.Enter([&](const Result<UniqueFd>& file) {
      EXPECT_TRUE(file);
      passed.count_down();
    }));
  };
  enter();
  enter();
  std::atomic<bool> submitted = false;
  std::thread third([&] {
    enter();
    submitted = true;
  });
  for (int look = 0; look < 100; ++look) {
    EXPECT_EQ(engine_->in_flight_count(), 2u);
    EXPECT_FALSE(submitted);
    std::this_thread::yield();
  }
  gate.Open();
  third.join();
  passed.wait();
}

TEST_P(IoEngineTest, ACallbackMaySubmitAtTheLimit) {
  MakeEngine({.in_flight_count_max = 1});
  WriteFile(directory_ / "file", "four");
  const UniqueFd file = Open("file");
  std::string into(4, '?');
  std::promise<std::string> told;
  engine_->Submit(StatOperation{
      .path = directory_ / "file", .done = [&](const Result<struct statx>&) {
        engine_->Submit(ReadOperation{
            .fd = file.get(), .offset = 0, .into = into, .done = [&](Result<std::size_t>) {
              told.set_value(into);
            }});
      }});
  EXPECT_EQ(told.get_future().get(), "four");
}

TEST_P(IoEngineTest, EachOperationIsToldOnceHoweverItIsCancelled) {
  constexpr int kCount = 2000;
  WriteFile(directory_ / "file", std::string(kPageSize, 'x'));
  const UniqueFd file = Open("file");
  std::vector<std::string> into(kCount, std::string(16, '?'));
  std::vector<std::atomic<int>> told(kCount);
  for (int index = 0; index < kCount; ++index) {
    const auto place = static_cast<std::size_t>(index);
    const IoToken token =
        engine_->Submit(ReadOperation{.fd = file.get(),
                                      .offset = 0,
                                      .into = into[place],
                                      .done = [&, place](Result<std::size_t> size) {
                                        EXPECT_TRUE(size || size.error().code == Errc::kInterrupted)
                                            << size.error().message;
                                        if (size) {
                                          EXPECT_EQ(into[place], std::string(16, 'x'));
                                        }
                                        ++told[place];
                                      }});
    if (index % 2 == 0) engine_->Cancel(token);
    if (index % 3 == 0) engine_->Cancel(token - 1);
  }
  engine_.reset();
  for (const auto& count : told) EXPECT_EQ(count, 1);
}

TEST_P(IoEngineTest, DestructionWaitsForWhatIsInFlight) {
  constexpr int kCount = 50;
  const UniqueFd file = Open("file");
  const std::string content(1 << 20, 'x');
  std::atomic<int> told = 0;
  for (int index = 0; index < kCount; ++index) {
    engine_->Submit(WriteOperation{.fd = file.get(),
                                   .offset = static_cast<std::uint64_t>(index) << 20,
                                   .from = content,
                                   .done = [&](const Status&) { ++told; }});
  }
  engine_.reset();
  EXPECT_EQ(told, kCount);
}

TEST_P(IoEngineTest, WhatACallbackSubmitsDuringDestructionIsCancelled) {
  const UniqueFd file = Open("file");
  // Goes on for ever unless it is stopped.
  IoEngine* const engine = engine_.get();
  std::latch begun(1);
  std::atomic<bool> stopped = false;
  std::function<void()> again;
  const auto done = [&](const Result<struct statx>& info) {
    if (begun.try_wait() == false) begun.count_down();
    if (info) return again();
    EXPECT_EQ(info.error().code, Errc::kInterrupted);
    stopped = true;
  };
  again = [&] { engine->Submit(StatOperation{.path = directory_ / "file", .done = done}); };
  again();
  begun.wait();
  engine_.reset();
  EXPECT_TRUE(stopped);
}

TEST_P(IoEngineTest, ManyThreadsMaySubmit) {
  constexpr std::size_t kThreadCount = 8;
  constexpr std::size_t kCountEach = 200;
  MakeEngine({.in_flight_count_max = 16, .buffer_count = 4, .buffer_size_bytes = kPageSize});
  const UniqueFd file = Open("file");
  std::latch done(kThreadCount * kCountEach);
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < kThreadCount; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::size_t index = 0; index < kCountEach; ++index) {
        auto buffer = std::make_shared<IoBuffer>(engine_->buffers().Lease());
        std::fill(buffer->bytes().begin(), buffer->bytes().end(), static_cast<char>('a' + thread));
        engine_->Submit(WriteOperation{.fd = file.get(),
                                       .offset = (index * kThreadCount + thread) * kPageSize,
                                       .from = buffer->bytes(),
                                       .done = [&done, buffer](const Status& written) {
                                         EXPECT_TRUE(written);
                                         done.count_down();
                                       }});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  done.wait();
  const std::string content = testing::ReadFile(directory_ / "file");
  ASSERT_EQ(content.size(), kThreadCount * kCountEach * kPageSize);
  for (std::size_t page = 0; page < kThreadCount * kCountEach; ++page) {
    const char expected = static_cast<char>('a' + page % kThreadCount);
    ASSERT_EQ(content.substr(page * kPageSize, kPageSize), std::string(kPageSize, expected));
  }
}

class ThreadIoEngineTest : public IoEngineTest {};
INSTANTIATE_TEST_SUITE_P(Engines, ThreadIoEngineTest, ::testing::Values("threads"));

TEST_P(ThreadIoEngineTest, WhatIsCancelledBeforeItBeginsIsNotDone) {
  MakeEngine({.thread_count_max = 1});
  Gate gate(directory_ / "gate");
  const UniqueFd file = Open("file");
  engine_->Submit(gate.Enter([](const Result<UniqueFd>&) {}));
  std::promise<Errc> told;
  const IoToken token = engine_->Submit(
      WriteOperation{.fd = file.get(),
                     .offset = 0,
                     .from = std::string_view("four"),
                     .done = [&](const Status& written) { told.set_value(written.error().code); }});
  engine_->Cancel(token);
  gate.Open();
  EXPECT_EQ(told.get_future().get(), Errc::kInterrupted);
  EXPECT_EQ(testing::ReadFile(directory_ / "file"), "");
}

class UringIoEngineTest : public IoEngineTest {
 protected:
  UringIoEngine& uring() { return static_cast<UringIoEngine&>(*engine_); }
};
INSTANTIATE_TEST_SUITE_P(Engines, UringIoEngineTest, ::testing::Values("io_uring"));

TEST_P(UringIoEngineTest, CancelsWhatHasBegun) {
  Gate gate(directory_ / "gate");
  std::promise<Errc> told;
  const IoToken token = engine_->Submit(
      gate.Enter([&](const Result<UniqueFd>& file) { told.set_value(file.error().code); }));
  engine_->Cancel(token);
  EXPECT_EQ(told.get_future().get(), Errc::kInterrupted);
}

TEST_P(UringIoEngineTest, DestructionStopsWhatHasBegun) {
  Gate gate(directory_ / "gate");
  std::atomic<int> told = 0;
  for (int index = 0; index < 3; ++index) {
    engine_->Submit(gate.Enter([&](const Result<UniqueFd>&) { ++told; }));
  }
  engine_.reset();
  EXPECT_EQ(told, 3);
}

TEST_P(UringIoEngineTest, RegistersItsBuffersWhenOneIsUsed) {
  const UniqueFd file = Open("file");
  std::string text = "text";
  ASSERT_TRUE(Do(WriteOperation{.fd = file.get(), .offset = 0, .from = text, .done = {}}));
  EXPECT_FALSE(uring().buffers_registered()) << "memory is pinned for nothing";
  const IoBuffer buffer = engine_->buffers().Lease();
  EXPECT_EQ(*Do(ReadOperation{.fd = file.get(), .offset = 0, .into = buffer.bytes(), .done = {}}),
            4u);
  EXPECT_TRUE(uring().buffers_registered());
  EXPECT_EQ(std::string(buffer.bytes().data(), 4), text);
  ASSERT_TRUE(Do(
      WriteOperation{.fd = file.get(), .offset = 4, .from = buffer.bytes().first(2), .done = {}}));
  EXPECT_EQ(testing::ReadFile(directory_ / "file"), "textte");
}

}  // namespace
}  // namespace reposfs
