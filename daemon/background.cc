#include "daemon/background.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "base/unique_fd.h"
#include "daemon/command_context.h"
#include "daemon/service_notify.h"

namespace reposfs {
namespace {

// The first byte of what the child writes; after kFailed follows the message.
constexpr char kReady = 'R';
constexpr char kFailed = 'F';

class ForegroundReporter final : public ReadinessReporter {
 public:
  void Ready() override { NotifyService("READY=1"); }
  void Failed(const Error& error) override {
    NotifyService("STATUS=" + Printable(error.message));
    Fail(error);
  }
  void Note(const std::string& line) override { NotifyService("STATUS=" + Printable(line)); }
  void Stopping() override { NotifyService("STOPPING=1"); }
};

class BackgroundReporter final : public ReadinessReporter {
 public:
  explicit BackgroundReporter(UniqueFd pipe) : pipe_(std::move(pipe)) {}

  void Ready() override {
    Detach();
    Send(std::string(1, kReady));
  }
  void Failed(const Error& error) override { Send(kFailed + error.message); }
  void Note(const std::string&) override {}
  void Stopping() override {}

 private:
  // Leaves the terminal: its Ctrl-C, its end, and its text.  Not earlier, so that a Ctrl-C while
  // it is still being waited for ends both.
  static void Detach() {
    ::setsid();
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) return;
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
      ::dup2(null.get(), standard);
    }
  }

  void Send(const std::string& text) {
    // At most PIPE_BUF bytes are written at once; no message is near that.
    [[maybe_unused]] const auto written = ::write(pipe_.get(), text.data(), text.size());
    pipe_.reset();
  }

  UniqueFd pipe_;
};

std::string ReadToEnd(const UniqueFd& pipe) {
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t size = ::read(pipe.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(size));
  }
}

// Why a child that said nothing is gone.
Error ErrorOfSilentChild(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const std::string how = WIFSIGNALED(status)
                              ? "was ended by signal " + std::to_string(WTERMSIG(status))
                              : "ended with status " + std::to_string(WEXITSTATUS(status));
  return Error{Errc::kIo, "the daemon " + how + " before it was ready; --foreground may show more"};
}

}  // namespace

int ServeInForeground(const std::function<int(ReadinessReporter&)>& serve) {
  ForegroundReporter reporter;
  return serve(reporter);
}

int ServeInBackground(const std::function<int(ReadinessReporter&)>& serve) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Fail(ErrnoError(errno, "start the daemon: pipe"));
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);

  const pid_t child = ::fork();
  if (child < 0) return Fail(ErrnoError(errno, "start the daemon: fork"));
  if (child == 0) {
    // The current directory of a daemon keeps its file system from being unmounted.
    if (::chdir("/") != 0) ::_exit(kExitFailed);
    BackgroundReporter reporter(std::move(write_end));
    std::exit(serve(reporter));
  }

  write_end.reset();
  const std::string report = ReadToEnd(read_end);
  if (report.empty()) return Fail(ErrorOfSilentChild(child));
  if (report.front() == kReady) return kExitDone;
  return Fail(Error{Errc::kIo, report.substr(1)});
}

}  // namespace reposfs
