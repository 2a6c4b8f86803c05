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

// The pipes of one child, from this side.
class Conversation {
 public:
  Conversation(const ProcessOptions& options, UniqueFd input, UniqueFd output, UniqueFd errors)
      : options_(options),
        input_(std::move(input)),
        output_(std::move(output)),
        errors_(std::move(errors)) {
    for (int fd : {input_.get(), output_.get(), errors_.get()}) fcntl(fd, F_SETFL, O_NONBLOCK);
    if (options_.input.empty()) input_.reset();
  }

  // Waits for something to happen, at most kSuperviseEvery, and handles it.  Returns whether the
  // child has ended.
  Result<bool> Step(int pidfd) {
    std::array<pollfd, 4> polled{pollfd{pidfd, POLLIN, 0}, pollfd{output_.get(), POLLIN, 0},
                                 pollfd{errors_.get(), POLLIN, 0},
                                 pollfd{input_.get(), POLLOUT, 0}};
    const int count =
        ::poll(polled.data(), polled.size(), static_cast<int>(kSuperviseEvery.count()));
    if (count < 0 && errno != EINTR) return ErrnoError(errno, "poll");
    if (auto read = ReadAll(); !read) return std::move(read).error();
    WriteSome();
    return count > 0 && polled[0].revents != 0;
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

  ProcessResult Finish(int wait_status) {
    if (WIFSIGNALED(wait_status)) result_.signal = WTERMSIG(wait_status);
    if (WIFEXITED(wait_status)) result_.exit_code = WEXITSTATUS(wait_status);
    return std::move(result_);
  }

 private:
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
    if (!input_) return;
    const ssize_t size = ::send(input_.get(), options_.input.data() + input_written_,
                                options_.input.size() - input_written_, MSG_NOSIGNAL);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size > 0) input_written_ += static_cast<std::size_t>(size);
    if (size < 0 || input_written_ == options_.input.size()) input_.reset();
  }

  const ProcessOptions& options_;
  UniqueFd input_;
  UniqueFd output_;
  UniqueFd errors_;
  std::size_t input_written_ = 0;
  ProcessResult result_;
};

Status Supervise(const ProcessOptions& options, Conversation& conversation, int pidfd) {
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  while (true) {
    auto ended = conversation.Step(pidfd);
    if (!ended) return std::move(ended).error();
    if (*ended) return conversation.ReadAll();
    if (options.supervise) {
      if (auto status = options.supervise(); !status) return status;
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{Errc::kTimedOut, options.argv[0] + ": still running after its time limit"};
    }
  }
}

}  // namespace

Result<ProcessResult> RunProcess(const ProcessOptions& options) {
  auto input = MakeInput();
  if (!input) return std::move(input).error();
  auto output = MakePipe();
  if (!output) return std::move(output).error();
  auto errors = MakePipe();
  if (!errors) return std::move(errors).error();
  auto exec_failed = MakePipe();
  if (!exec_failed) return std::move(exec_failed).error();

  const Launch launch{options,
                      Pointers(options.argv),
                      Pointers(options.environment),
                      input->reader.get(),
                      output->writer.get(),
                      errors->writer.get(),
                      exec_failed->writer.get(),
                      getpid()};
  const pid_t pid = ::fork();
  if (pid < 0) return ErrnoError(errno, "fork");
  if (pid == 0) BecomeChild(launch);
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int pidfd_errno = errno;
  Child child(pid, std::move(pidfd));
  if (child.pidfd() < 0) return ErrnoError(pidfd_errno, "watch " + options.argv[0]);
  input->reader.reset();
  output->writer.reset();
  errors->writer.reset();
  exec_failed->writer.reset();

  int exec_errno = 0;
  if (::read(exec_failed->reader.get(), &exec_errno, sizeof exec_errno) > 0) {
    return ErrnoError(exec_errno, "run " + options.argv[0]);
  }
  Conversation conversation(options, std::move(input->writer), std::move(output->reader),
                            std::move(errors->reader));
  if (auto status = Supervise(options, conversation, child.pidfd()); !status) {
    return std::move(status).error();
  }
  return conversation.Finish(child.Reap());
}

}  // namespace reposfs
