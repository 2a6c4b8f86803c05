#include "tests/support/command.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ostream>
#include <thread>
#include <utility>

#include "base/unique_fd.h"

namespace reposfs::testing {
namespace {

using Clock = std::chrono::steady_clock;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) std::abort();
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const RunOptions& options) {
  std::vector<std::string> all = options.environment;
  const std::size_t own_count = all.size();
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string inherited = *variable;
    const std::string name = inherited.substr(0, inherited.find('=') + 1);
    const auto own_end = all.begin() + static_cast<std::ptrdiff_t>(own_count);
    const bool overridden = std::any_of(
        all.begin(), own_end, [&](const std::string& own) { return own.starts_with(name); });
    if (!overridden) all.push_back(inherited);
  }
  return all;
}

struct Streams {
  int in;
  int out;
  int err;
};

// Starts `argv` in its own process group.  Only async-signal-safe calls between fork and exec.
pid_t Spawn(Argv argv, const RunOptions& options, Streams streams) {
  std::vector<std::string> environment = Environment(options);
  std::vector<char*> argv_pointers = Pointers(argv);
  std::vector<char*> environment_pointers = Pointers(environment);
  const pid_t pid = ::fork();
  if (pid != 0) {
    if (pid > 0) ::setpgid(pid, pid);
    return pid;
  }
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::signal(SIGPIPE, SIG_DFL);
  ::dup2(streams.in, STDIN_FILENO);
  ::dup2(streams.out, STDOUT_FILENO);
  ::dup2(streams.err, STDERR_FILENO);
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) ::_exit(126);
  ::execvpe(argv_pointers[0], argv_pointers.data(), environment_pointers.data());
  ::_exit(127);
}

int ExitStatus(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

std::optional<int> WaitPid(pid_t pid, milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  milliseconds pause{1};
  for (;;) {
    int wait_status = 0;
    if (::waitpid(pid, &wait_status, WNOHANG) == pid) return ExitStatus(wait_status);
    if (Clock::now() >= deadline) return std::nullopt;
    SleepFor(pause);
    pause = std::min(pause * 2, milliseconds(20));
  }
}

// What one end of a conversation with a child still has to do.
struct Conversation {
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;
  std::string_view to_write;
};

void Drain(UniqueFd& fd, short events, std::string& text) {
  if (events == 0) return;
  std::array<char, 65536> buffer;
  const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
  if (count > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  } else if (count == 0 || errno != EINTR) {
    fd.reset();
  }
}

void Feed(Conversation& talk, short events) {
  if (events == 0) return;
  const ssize_t count = ::write(talk.in.get(), talk.to_write.data(), talk.to_write.size());
  if (count > 0) talk.to_write.remove_prefix(static_cast<std::size_t>(count));
  if (count < 0 || talk.to_write.empty()) talk.in.reset();
}

// Until the child has closed both its outputs, or the deadline.  False at the deadline.
bool Converse(Conversation& talk, Clock::time_point deadline, CommandResult& result) {
  while (talk.out || talk.err) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 3> fds = {pollfd{talk.out.get(), POLLIN, 0},
                                 pollfd{talk.err.get(), POLLIN, 0},
                                 pollfd{talk.in.get(), POLLOUT, 0}};
    ::poll(fds.data(), fds.size(), static_cast<int>(left));
    Drain(talk.out, fds[0].revents, result.out);
    Drain(talk.err, fds[1].revents, result.err);
    Feed(talk, fds[2].revents);
  }
  return true;
}

}  // namespace

void SleepFor(milliseconds time) {
  std::this_thread::sleep_for(time);
}

std::ostream& operator<<(std::ostream& stream, const CommandResult& result) {
  constexpr std::size_t kShownMax = 4000;
  return stream << "status " << result.status << " after " << result.elapsed.count() << " ms\n"
                << result.out.substr(0, kShownMax) << result.err.substr(0, kShownMax);
}

CommandResult Execute(const Argv& argv, const RunOptions& options) {
  CommandResult result;
  const auto begin = Clock::now();
  Pipe in = MakePipe();
  Pipe out = MakePipe();
  Pipe err = MakePipe();
  const pid_t pid = Spawn(argv, options, Streams{in.read.get(), out.write.get(), err.write.get()});
  in.read.reset();
  out.write.reset();
  err.write.reset();
  if (options.stdin_text.empty()) in.write.reset();

  Conversation talk{std::move(in.write), std::move(out.read), std::move(err.read),
                    options.stdin_text};
  const bool finished = Converse(talk, begin + options.timeout, result);
  const auto left =
      finished ? std::chrono::duration_cast<milliseconds>(begin + options.timeout - Clock::now())
               : milliseconds(0);
  const auto status = WaitPid(pid, left);
  if (!status) {
    ::kill(-pid, SIGKILL);
    // A child in an uninterruptible wait may outlive even that; it must not take the test with it.
    (void)WaitPid(pid, std::chrono::seconds(5));
  }
  result.status = status.value_or(-1);
  result.elapsed = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
  return result;
}

CommandResult Sh(const std::string& script, const RunOptions& options) {
  return Execute({"/bin/sh", "-c", script}, options);
}

std::string Output(const Argv& argv, const RunOptions& options) {
  CommandResult result = Execute(argv, options);
  if (!result.ok()) {
    std::string command;
    for (const std::string& word : argv) command += word + ' ';
    ADD_FAILURE() << command << "\n" << result;
  }
  while (!result.out.empty() && result.out.back() == '\n') result.out.pop_back();
  return result.out;
}

std::string Git(const std::filesystem::path& repository, const Argv& args) {
  Argv argv = {"git", "-C", repository.string()};
  argv.insert(argv.end(), args.begin(), args.end());
  return Output(argv);
}

ChildProcess::~ChildProcess() {
  Kill();
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
    status_ = other.status_;
  }
  return *this;
}

ChildProcess ChildProcess::Start(const Argv& argv, const std::filesystem::path& log,
                                 const RunOptions& options) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  ChildProcess child;
  child.pid_ = Spawn(argv, options, Streams{null.get(), output.get(), output.get()});
  return child;
}

bool ChildProcess::running() {
  return pid_ > 0 && !Wait(milliseconds(0));
}

void ChildProcess::Signal(int signal) {
  if (running()) ::kill(pid_, signal);
}

std::optional<int> ChildProcess::Wait(milliseconds timeout) {
  if (pid_ > 0 && !status_) status_ = WaitPid(pid_, timeout);
  return status_;
}

void ChildProcess::Kill() {
  if (pid_ <= 0) return;
  if (running()) {
    ::kill(-pid_, SIGKILL);
    (void)Wait(std::chrono::seconds(10));
  }
  pid_ = -1;
}

}  // namespace reposfs::testing
