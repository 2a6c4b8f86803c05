#include "base/process.h"

#include <gtest/gtest.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/command.h"
#include "tests/support/files.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

using std::chrono::milliseconds;
using testing::TempDir;
using testing::WaitUntil;

constexpr milliseconds kSoon(10'000);

// Whether the process has ended; one that nobody has reaped yet has.
bool HasEnded(pid_t pid) {
  const std::string stat = testing::ReadFile("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(") ");
  return name_end == std::string::npos || stat[name_end + 2] == 'Z';
}

class ProcessTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(testing::OpenFdCount(), fd_count_) << "leaked"; }

  ProcessOptions Script(const std::string& script) const {
    ProcessOptions options;
    options.argv = {"sh", "-c", script};
    options.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
    options.directory = directory_.path();
    options.timeout = std::chrono::minutes(1);
    return options;
  }

  // The number that a script wrote to the file `name`; 0 if it has not yet.
  pid_t PidIn(const char* name) const {
    const std::string text = testing::ReadFile(directory_ / name);
    return text.ends_with('\n') ? std::stoi(text) : 0;
  }

  const std::size_t fd_count_ = testing::OpenFdCount();
  TempDir directory_{"process"};
};

TEST_F(ProcessTest, ReturnsWhatTheChildSays) {
  const auto result = RunProcess(Script("echo out; echo err >&2"));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->ok());
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->errors, "err\n");
}

TEST_F(ProcessTest, AFailingChildIsAResult) {
  const auto result = RunProcess(Script("exit 3"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_FALSE(result->ok());
}

TEST_F(ProcessTest, TellsTheSignalThatEndedTheChild) {
  const auto result = RunProcess(Script("kill -TERM $$"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->signal, SIGTERM);
  EXPECT_FALSE(result->ok());
}

TEST_F(ProcessTest, AMissingProgramIsNotFound) {
  ProcessOptions options = Script("");
  options.argv = {"no-such-program-anywhere"};
  const auto result = RunProcess(options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kNotFound);
}

TEST_F(ProcessTest, AMissingDirectoryIsNotFound) {
  ProcessOptions options = Script("true");
  options.directory = directory_ / "none";
  const auto result = RunProcess(options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kNotFound);
}

TEST_F(ProcessTest, TheEnvironmentIsTheWholeOfIt) {
  ::setenv("REPOSFS_PROCESS_TEST", "1", 1);
  ProcessOptions options = Script("");
  options.argv = {"env"};
  options.environment = {"ONLY=this"};
  const auto result = RunProcess(options);
  ::unsetenv("REPOSFS_PROCESS_TEST");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "ONLY=this\n");
}

TEST_F(ProcessTest, RunsInItsDirectory) {
  const auto result = RunProcess(Script("pwd -P"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, std::filesystem::canonical(directory_.path()).string() + "\n");
}

TEST_F(ProcessTest, GivesItsInputThenTheEnd) {
  ProcessOptions options = Script("wc -c");
  options.input = std::string(3'000'000, 'x');  // More than any buffer between the two.
  const auto result = RunProcess(options);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "3000000\n");
}

TEST_F(ProcessTest, ReadsWhileItWrites) {
  ProcessOptions options = Script("cat");
  options.input = std::string(3'000'000, 'x');
  const auto result = RunProcess(options);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, options.input);
}

TEST_F(ProcessTest, AChildThatReadsNothingIsNoError) {
  ProcessOptions options = Script("exec true");
  options.input = std::string(3'000'000, 'x');
  const auto result = RunProcess(options);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->ok());
}

TEST_F(ProcessTest, WithoutInputTheChildSeesTheEndAtOnce) {
  const auto result = RunProcess(Script("cat"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "");
}

TEST_F(ProcessTest, KeepsTheEndOfALongComplaint) {
  const auto result = RunProcess(Script("seq 100000 >&2"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->errors.size(), 16u * 1024);
  EXPECT_TRUE(result->errors.ends_with("99999\n100000\n"));
}

TEST_F(ProcessTest, ComplaintsAreHandedOnWhole) {
  ProcessOptions options = Script("seq 100000 >&2");
  std::string heard;
  options.on_errors = [&](std::string_view text) { heard += text; };
  ASSERT_TRUE(RunProcess(options));
  EXPECT_TRUE(heard.starts_with("1\n2\n3\n"));
  EXPECT_TRUE(heard.ends_with("\n100000\n"));
}

TEST_F(ProcessTest, MemoryIsLimited) {
  ProcessOptions options = Script("dd if=/dev/zero of=/dev/null bs=256M count=1");
  options.memory_max_bytes = 64 << 20;
  const auto limited = RunProcess(options);
  ASSERT_TRUE(limited);
  EXPECT_FALSE(limited->ok());
  EXPECT_NE(limited->errors.find("memory exhausted"), std::string::npos) << limited->errors;
  options.memory_max_bytes = 0;
  const auto unlimited = RunProcess(options);
  ASSERT_TRUE(unlimited);
  EXPECT_TRUE(unlimited->ok()) << unlimited->errors;
}

TEST_F(ProcessTest, FilesAreLimitedAndTheChildCanSaySo) {
  ProcessOptions options = Script("dd if=/dev/zero of=file bs=1M count=4");
  options.file_max_bytes = 1 << 20;
  const auto result = RunProcess(options);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->signal, 0);
  EXPECT_NE(result->errors.find("File too large"), std::string::npos) << result->errors;
  EXPECT_EQ(std::filesystem::file_size(directory_ / "file"), 1u << 20);
}

TEST_F(ProcessTest, OutputIsLimited) {
  ProcessOptions options = Script("exec yes");
  options.output_max_bytes = 100'000;
  const auto result = RunProcess(options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kNoSpace);
}

TEST_F(ProcessTest, OutputOfExactlyTheLimitIsFine) {
  ProcessOptions options = Script("printf four");
  options.output_max_bytes = 4;
  const auto result = RunProcess(options);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "four");
}

TEST_F(ProcessTest, TimeIsLimited) {
  ProcessOptions options = Script("echo $$ > pid; exec sleep 1000");
  options.timeout = milliseconds(300);
  const auto result = RunProcess(options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kTimedOut);
  EXPECT_TRUE(HasEnded(PidIn("pid")));
}

TEST_F(ProcessTest, AChildThatTalksWithoutEndIsStillTimed) {
  ProcessOptions options = Script("exec yes >&2");
  options.timeout = milliseconds(300);
  const auto result = RunProcess(options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kTimedOut);
}

TEST_F(ProcessTest, TheSupervisorEndsTheChildAndItsChildren) {
  ProcessOptions options = Script("sleep 1000 & echo $! > grandchild; wait");
  options.supervise = [&]() -> Status {
    if (PidIn("grandchild") == 0) return {};
    return Error{Errc::kInterrupted, "enough"};
  };
  const auto result = RunProcess(options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kInterrupted);
  EXPECT_EQ(result.error().message, "enough");
  EXPECT_TRUE(WaitUntil([&] { return HasEnded(PidIn("grandchild")); }, kSoon));
}

TEST_F(ProcessTest, WhatAChildLeavesBehindEndsWithIt) {
  const auto result = RunProcess(Script("sleep 1000 & echo $! > grandchild"));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->ok());
  EXPECT_TRUE(WaitUntil([&] { return HasEnded(PidIn("grandchild")); }, kSoon));
}

TEST_F(ProcessTest, TheChildDiesWithThisProcess) {
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    const auto result = RunProcess(Script("echo $$ > pid; exec sleep 1000"));
    ::_exit(result ? 1 : 2);
  }
  EXPECT_TRUE(WaitUntil([&] { return PidIn("pid") != 0; }, kSoon));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_TRUE(WaitUntil([&] { return HasEnded(PidIn("pid")); }, kSoon));
}

TEST_F(ProcessTest, TheChildInheritsNothingButItsThreePipes) {
  // What this test itself was started with is not the matter here.
  ASSERT_EQ(::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC), 0);
  const auto result = RunProcess(Script("exec ls /proc/self/fd"));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "0\n1\n2\n3\n") << "the last is the directory that ls reads";
}

TEST_F(ProcessTest, ManyRunAtTheSameTimeWithoutMixing) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 5; ++round) {
        ProcessOptions options = Script("cat");
        options.input = std::string(200'000, static_cast<char>('a' + i));
        const auto result = RunProcess(options);
        if (result && result->output == options.input) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 40);
}

TEST_F(ProcessTest, AnswersPieceByPiece) {
  auto process = Process::Start(Script("while read line; do echo \"<$line>\"; done; echo end"));
  ASSERT_TRUE(process);
  for (const char* word : {"one", "two"}) {
    EXPECT_TRUE(*process->Write(std::string(word) + "\n"));
    EXPECT_EQ(*process->Read(), "<" + std::string(word) + ">\n");
  }
  process->CloseInput();
  EXPECT_EQ(*process->Read(), "end\n");
  EXPECT_EQ(*process->Read(), "");
  const auto result = process->Wait();
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->ok());
}

TEST_F(ProcessTest, TellsThatTheChildReadsNoMoreAndWhy) {
  auto process = Process::Start(Script("head -c 1000 >/dev/null; echo enough >&2; exit 3"));
  ASSERT_TRUE(process);
  const std::string piece(100'000, 'x');
  int pieces = 0;
  while (*process->Write(piece)) ASSERT_LT(++pieces, 100);
  const auto result = process->Wait();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_EQ(result->errors, "enough\n");
}

TEST_F(ProcessTest, ComplaintsAreHeardWhileTheInputIsGiven) {
  ProcessOptions options = Script("while read line; do echo \"$line\" >&2; done");
  std::size_t heard = 0;
  options.on_errors = [&](std::string_view text) { heard += text.size(); };
  auto process = Process::Start(options);
  ASSERT_TRUE(process);
  EXPECT_TRUE(testing::WaitUntil([&] { return *process->Write("word\n") && heard > 0; }, kSoon));
}

TEST_F(ProcessTest, TheSupervisorEndsAWriteThatBlocks) {
  ProcessOptions options = Script("exec sleep 1000");
  int calls = 0;
  options.supervise = [&]() -> Status {
    if (++calls < 3) return {};
    return Error{Errc::kInterrupted, "enough"};
  };
  auto process = Process::Start(options);
  ASSERT_TRUE(process);
  const auto written = process->Write(std::string(3'000'000, 'x'));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::kInterrupted);
}

TEST_F(ProcessTest, OneThatNobodyWaitsForIsKilled) {
  {
    auto process = Process::Start(Script("echo $$ > pid; exec sleep 1000"));
    ASSERT_TRUE(process);
    EXPECT_TRUE(WaitUntil([&] { return PidIn("pid") != 0; }, kSoon));
  }
  EXPECT_TRUE(HasEnded(PidIn("pid")));
}

}  // namespace
}  // namespace reposfs
