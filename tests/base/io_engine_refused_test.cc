// What the engine makes of a system that does not want io_uring.  Each refusal is a real one, in a
// child that has asked for it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <future>
#include <string>

#include "base/file_util.h"
#include "base/io_engine.h"
#include "base/uring_io_engine.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

// What `body` says in a process of its own.
std::string InChild(const std::function<std::string()>& body) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string said = body();
    [[maybe_unused]] const auto written = ::write(write_end.get(), said.data(), said.size());
    ::_exit(0);
  }
  write_end.reset();
  char said[512];
  const ssize_t size = ::read(read_end.get(), said, sizeof said);
  ::waitpid(child, nullptr, 0);
  return {said, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

// From now on `call` fails with `errno_value`.
void Refuse(unsigned call, unsigned errno_value) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errno_value),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

constexpr rlim_t kEnoughForARing = 1u << 20;

// From now on this process may lock so much; root could lock what it wants.
bool AllowLockedMemory(rlim_t size_max_bytes) {
  const rlimit limit{size_max_bytes, size_max_bytes};
  return ::setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && (::geteuid() != 0 || ::setuid(65'534) == 0);
}

// Writes and reads through leased memory; says by what, and what came back.
std::string RoundTrip(IoEngine& engine, int fd) {
  const IoBuffer buffer = engine.buffers().Lease();
  std::copy_n("four", 4, buffer.bytes().begin());
  std::promise<Status> written;
  engine.Submit(WriteOperation{
      .fd = fd, .offset = 0, .from = buffer.bytes().first(4), .done = [&](Status status) {
        written.set_value(std::move(status));
      }});
  if (!written.get_future().get()) return "not written";
  std::promise<std::size_t> read;
  engine.Submit(ReadOperation{.fd = fd,
                              .offset = 0,
                              .into = buffer.bytes().subspan(8, 8),
                              .done = [&](Result<std::size_t> size) { read.set_value(*size); }});
  return engine.name() + std::string(" ") +
         std::string(&buffer.bytes()[8], read.get_future().get());
}

class IoEngineRefusedTest : public ::testing::Test {
 protected:
  std::string TryOut(const std::function<void()>& prepare) {
    auto file = OpenFile(directory_ / "file", O_RDWR | O_CREAT);
    EXPECT_TRUE(file);
    return InChild([&] {
      prepare();
      const auto engine = IoEngine::Create({});
      return RoundTrip(*engine, file->get()) + "; " + engine->Describe();
    });
  }

  testing::TempDir directory_{"io-engine-refused"};
};

TEST_F(IoEngineRefusedTest, ByASandbox) {
  EXPECT_EQ(TryOut([] { Refuse(SYS_io_uring_setup, EPERM); }),
            "threads four; threads (io_uring_setup: Operation not permitted)");
}

TEST_F(IoEngineRefusedTest, ByAnOldKernel) {
  EXPECT_EQ(TryOut([] { Refuse(SYS_io_uring_setup, ENOSYS); }),
            "threads four; threads (io_uring_setup: Function not implemented)");
}

TEST_F(IoEngineRefusedTest, ByASandboxThatAllowsHalfOfIt) {
  EXPECT_EQ(TryOut([] { Refuse(SYS_io_uring_register, EPERM); }),
            "threads four; threads (io_uring can't be asked what it can do)");
}

TEST_F(IoEngineRefusedTest, ByALimitOfLockedMemory) {
  const std::string said = TryOut([] { EXPECT_TRUE(AllowLockedMemory(0)); });
  // Kernels 5.12 to 6.13 take the memory of a ring from elsewhere.
  if (said == "io_uring four; io_uring")
    GTEST_SKIP() << "*** SKIPPED: this kernel does not mind ***";
  EXPECT_EQ(said, "threads four; threads (io_uring_setup: Cannot allocate memory)");
}

TEST_F(IoEngineRefusedTest, BuffersByALimitOfLockedMemory) {
  auto file = OpenFile(directory_ / "file", O_RDWR | O_CREAT);
  ASSERT_TRUE(file);
  const std::string said = InChild([&]() -> std::string {
    if (!AllowLockedMemory(kEnoughForARing)) return "skip";
    auto engine = UringIoEngine::Create({});
    if (!engine) return "skip";
    return RoundTrip(**engine, file->get()) +
           ((*engine)->buffers_registered() ? " locked" : " not locked");
  });
  if (said == "skip") GTEST_SKIP() << "*** SKIPPED: io_uring is refused here, or the limit ***";
  EXPECT_EQ(said, "io_uring four not locked");
}

}  // namespace
}  // namespace reposfs
