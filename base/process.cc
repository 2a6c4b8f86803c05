#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include "base/unique_fd.h"

namespace reposfs {
namespace {

constexpr std::size_t kErrorsKeptBytes = 16 * 1024;
constexpr std::chrono::milliseconds kSuperviseEvery(50);

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Result<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return ErrnoError(errno, "pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// Standard input is a socket, since a write to a pipe whose reader has died would raise SIGPIPE.
Result<Pipe> MakeInput() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    return ErrnoError(errno, "socketpair");
  }
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

void LimitTo(__rlimit_resource_t resource, std::uint64_t bytes) {
  if (bytes == 0) return;
  const rlimit limit{bytes, bytes};
  setrlimit(resource, &limit);
}

// Everything the new process needs, prepared before fork(): between fork() and exec() of a process
// with threads only async-signal-safe calls are allowed.
struct Launch {
  const ProcessOptions& options;
  std::vector<char*> argv;
  std::vector<char*> environment;
  int input, output, errors, exec_failed;
  pid_t parent;
};

[[noreturn]] void BecomeChild(const Launch& launch) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != launch.parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  // A write beyond RLIMIT_FSIZE shall fail with EFBIG, so that the program can say so.
  signal(SIGXFSZ, SIG_IGN);
  dup2(launch.input, STDIN_FILENO);
  dup2(launch.output, STDOUT_FILENO);
  dup2(launch.errors, STDERR_FILENO);
  LimitTo(RLIMIT_DATA, launch.options.memory_max_bytes);
  LimitTo(RLIMIT_FSIZE, launch.options.file_max_bytes);
  LimitTo(RLIMIT_CORE, 1);
  const bool there =
      launch.options.directory.empty() || chdir(launch.options.directory.c_str()) == 0;
  if (there) execvpe(launch.argv[0], launch.argv.data(), launch.environment.data());
  const int error = errno;
  [[maybe_unused]] const ssize_t told = write(launch.exec_failed, &error, sizeof error);
  _exit(127);
}

// A child under way.  The destructor kills and reaps it, so that no return path leaves one behind.
class Child {
 public:
  Child(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) Reap();
  }

  int pidfd() const { return pidfd_.get(); }

  // Kills what is left of the group and returns how the leader ended.  The group is killed before
  // its leader is reaped: until then no other process can have its number.
  int Reap() {
    ::kill(-pid_, SIGKILL);
    int wait_status = 0;
    while (::waitpid(pid_, &wait_status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return wait_status;
  }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
};

// What a child needs at its start, from both sides.
struct Pipes {
  Pipe input, output, errors, exec_failed;
};

Result<Pipes> MakePipes() {
  auto input = MakeInput();
  if (!input) return std::move(input).error();
  auto output = MakePipe();
  if (!output) return std::move(output).error();
  auto errors = MakePipe();
  if (!errors) return std::move(errors).error();
  auto exec_failed = MakePipe();
  if (!exec_failed) return std::move(exec_failed).error();
  return Pipes{std::move(*input), std::move(*output), std::move(*errors), std::move(*exec_failed)};
}

// Forks, and returns when the program runs.  The child's ends of `pipes` are closed.
Result<std::unique_ptr<Child>> Spawn(const ProcessOptions& options, Pipes& pipes) {
  const Launch launch{options,
                      Pointers(options.argv),
                      Pointers(options.environment),
                      pipes.input.reader.get(),
                      pipes.output.writer.get(),
                      pipes.errors.writer.get(),
                      pipes.exec_failed.writer.get(),
                      getpid()};
  const pid_t pid = ::fork();
  if (pid < 0) return ErrnoError(errno, "fork");
  if (pid == 0) BecomeChild(launch);
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int pidfd_errno = errno;
  auto child = std::make_unique<Child>(pid, std::move(pidfd));
  if (child->pidfd() < 0) return ErrnoError(pidfd_errno, "watch " + options.argv[0]);
  pipes.input.reader.reset();
  pipes.output.writer.reset();
  pipes.errors.writer.reset();
  pipes.exec_failed.writer.reset();

  int exec_errno = 0;
  if (::read(pipes.exec_failed.reader.get(), &exec_errno, sizeof exec_errno) > 0) {
    return ErrnoError(exec_errno, "run " + options.argv[0]);
  }
  return child;
}

}  // namespace

// A child and its pipes, from this side.
class Process::Conversation {
 public:
  Conversation(ProcessOptions options, std::unique_ptr<Child> child, Pipes pipes)
      : options_(std::move(options)),
        deadline_(SteadyClock::now() + options_.timeout),
        child_(std::move(child)),
        input_(std::move(pipes.input.writer)),
        output_(std::move(pipes.output.reader)),
        errors_(std::move(pipes.errors.reader)) {
    for (int fd : {input_.get(), output_.get(), errors_.get()}) fcntl(fd, F_SETFL, O_NONBLOCK);
  }

  Result<bool> Write(std::string_view bytes) {
    unwritten_ = bytes;
    // Most pieces go straight into the socket's buffer.
    if (SteadyClock::now() - supervised_at_ < kSuperviseEvery) WriteSome();
    while (input_ && !unwritten_.empty() && !ended_) {
      if (auto stepped = Step(); !stepped) return std::move(stepped).error();
    }
    const bool written = input_ && unwritten_.empty();
    unwritten_ = {};
    return written;
  }

  void CloseInput() { input_.reset(); }

  Result<std::string> Read() {
    while (result_.output.empty() && output_ && !ended_) {
      if (auto stepped = Step(); !stepped) return std::move(stepped).error();
    }
    if (auto read = ReadAll(); !read) return std::move(read).error();
    return std::exchange(result_.output, {});
  }

  Result<ProcessResult> Wait() {
    CloseInput();
    while (!ended_) {
      if (auto stepped = Step(); !stepped) return std::move(stepped).error();
    }
    if (auto read = ReadAll(); !read) return std::move(read).error();
    const int wait_status = child_->Reap();
    if (WIFSIGNALED(wait_status)) result_.signal = WTERMSIG(wait_status);
    if (WIFEXITED(wait_status)) result_.exit_code = WEXITSTATUS(wait_status);
    return std::move(result_);
  }

 private:
  using SteadyClock = std::chrono::steady_clock;

  // Waits for something to happen, at most kSuperviseEvery, and handles it.
  Status Step() {
    std::array<pollfd, 4> polled{pollfd{child_->pidfd(), POLLIN, 0},
                                 pollfd{output_.get(), POLLIN, 0}, pollfd{errors_.get(), POLLIN, 0},
                                 pollfd{unwritten_.empty() ? -1 : input_.get(), POLLOUT, 0}};
    const int count =
        ::poll(polled.data(), polled.size(), static_cast<int>(kSuperviseEvery.count()));
    if (count < 0 && errno != EINTR) return ErrnoError(errno, "poll");
    if (auto read = ReadAll(); !read) return read;
    WriteSome();
    ended_ = count > 0 && polled[0].revents != 0;
    return ended_ ? Status() : Supervise();
  }

  Status Supervise() {
    const auto now = SteadyClock::now();
    if (now > deadline_) {
      return Error{Errc::kTimedOut, options_.argv[0] + ": still running after its time limit"};
    }
    if (now - supervised_at_ < kSuperviseEvery) return {};
    supervised_at_ = now;
    return options_.supervise ? options_.supervise() : Status();
  }

  Status ReadAll() {
    Drain(errors_, [&](std::string_view text) {
      result_.errors += text;
      if (result_.errors.size() > kErrorsKeptBytes) {
        result_.errors.erase(0, result_.errors.size() - kErrorsKeptBytes);
      }
      if (options_.on_errors) options_.on_errors(text);
    });
    Drain(output_, [&](std::string_view text) {
      if (result_.output.size() <= options_.output_max_bytes) result_.output += text;
    });
    if (result_.output.size() <= options_.output_max_bytes) return {};
    return Error{Errc::kNoSpace, options_.argv[0] + ": said more than " +
                                     std::to_string(options_.output_max_bytes) + " bytes"};
  }

  template <typename Sink>
  void Drain(UniqueFd& fd, Sink sink) {
    char buffer[1 << 16];
    // Bounded, so that a child that talks without end can't keep us from supervising it.
    for (int round = 0; fd && round < 16; ++round) {
      const ssize_t size = ::read(fd.get(), buffer, sizeof buffer);
      if (size < 0) return;
      if (size == 0) return fd.reset();
      sink(std::string_view(buffer, static_cast<std::size_t>(size)));
    }
  }

  void WriteSome() {
    if (!input_ || unwritten_.empty()) return;
    const ssize_t size = ::send(input_.get(), unwritten_.data(), unwritten_.size(), MSG_NOSIGNAL);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size < 0) return input_.reset();
    unwritten_.remove_prefix(static_cast<std::size_t>(size));
  }

  const ProcessOptions options_;
  const SteadyClock::time_point deadline_;
  std::unique_ptr<Child> child_;
  UniqueFd input_;
  UniqueFd output_;
  UniqueFd errors_;
  SteadyClock::time_point supervised_at_;  // The epoch: at once.
  std::string_view unwritten_;
  bool ended_ = false;
  ProcessResult result_;
};

Process::Process(std::unique_ptr<Conversation> conversation)
    : conversation_(std::move(conversation)) {}
Process::Process(Process&& other) noexcept = default;
Process& Process::operator=(Process&& other) noexcept = default;
Process::~Process() = default;

Result<Process> Process::Start(ProcessOptions options) {
  auto pipes = MakePipes();
  if (!pipes) return std::move(pipes).error();
  auto child = Spawn(options, *pipes);
  if (!child) return std::move(child).error();
  return Process(
      std::make_unique<Conversation>(std::move(options), std::move(*child), std::move(*pipes)));
}

Result<bool> Process::Write(std::string_view bytes) {
  return conversation_->Write(bytes);
}
void Process::CloseInput() {
  conversation_->CloseInput();
}
Result<std::string> Process::Read() {
  return conversation_->Read();
}
Result<ProcessResult> Process::Wait() {
  return conversation_->Wait();
}

Result<ProcessResult> RunProcess(const ProcessOptions& options) {
  auto process = Process::Start(options);
  if (!process) return std::move(process).error();
  if (auto written = process->Write(options.input); !written) return std::move(written).error();
  return process->Wait();
}

}  // namespace reposfs
