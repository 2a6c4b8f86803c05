// The root of a repository is listed when its tree has come, before the rest of the tip.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <thread>

#include "base/mutex.h"
#include "tests/support/mount_test.h"
#include "tests/support/repository_builder.h"
#include "tests/support/tcp_server.h"

namespace reposfs::testing {
namespace {

// More than the refs and one packet of the pack take, and less than all of the tip.
constexpr std::size_t kPassedBytes = 80u << 10;

// Passes what is said on to the server and back; but of the answers on each connection no more
// than kPassedBytes, until it is opened, or cut.
class HesitantRelay {
 public:
  explicit HesitantRelay(std::uint16_t port) : port_(port) {}

  std::string UrlTemplate() const { return relay_.UrlTemplate(); }
  bool hesitates() const {
    MutexLock lock(mutex_);
    return waiting_count_ > 0;
  }
  void Open() { Set(State::kOpen); }
  void Stop() { relay_.Stop(); }
  // Connections that hesitate end; later ones are not held up.
  void Cut() { Set(State::kCut); }

 private:
  enum class State { kHesitant, kOpen, kCut };

  void Set(State state) {
    MutexLock lock(mutex_);
    state_ = state;
    changed_.NotifyAll();
  }

  void Pass(int client) {
    const UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
    std::thread questions([&] {
      Copy(client, server.get(), [](std::size_t) { return true; });
      ::shutdown(server.get(), SHUT_WR);
    });
    std::size_t passed = 0;
    Copy(server.get(), client, [&](std::size_t size) {
      passed += size;
      return passed <= kPassedBytes || Await();
    });
    ::shutdown(client, SHUT_RDWR);
    questions.join();
  }

  // Whether to go on.
  bool Await() {
    MutexLock lock(mutex_);
    ++waiting_count_;
    const bool held = state_ == State::kHesitant;
    while (state_ == State::kHesitant) changed_.Wait(mutex_);
    --waiting_count_;
    return state_ == State::kOpen || !held;
  }

  template <typename GoOn>
  static void Copy(int from, int to, GoOn go_on) {
    std::array<char, 4096> bytes;
    while (true) {
      const ssize_t size = ::recv(from, bytes.data(), bytes.size(), 0);
      if (size <= 0 || !go_on(static_cast<std::size_t>(size))) return;
      if (::send(to, bytes.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL) != size) return;
    }
  }

  const std::uint16_t port_;
  mutable Mutex mutex_;  // A leaf lock.
  CondVar changed_;
  State state_ REPOSFS_GUARDED_BY(mutex_) = State::kHesitant;
  int waiting_count_ REPOSFS_GUARDED_BY(mutex_) = 0;
  TcpServer relay_{[this](int client) { Pass(client); }};  // Last: it uses the others.
};

class EarlyListingTest : public MountTest {
 protected:
  static constexpr int kDirectoryCount = 400;

  void SetUp() override {
    MountTest::SetUp();
    if (IsSkipped()) return;
    const char* const client = std::getenv("REPOSFS_FETCH_CLIENT");
    if (client != nullptr && std::string(client) == "git") {
      GTEST_SKIP() << "git tells of nothing before the end of a pack";
    }
    RepositoryBuilder builder(server_.Create("a/broad"));
    std::vector<Change> files = {File("README.md", "hello\n")};
    for (int directory = 0; directory < kDirectoryCount; ++directory) {
      for (int file = 0; file < 20; ++file) {
        const std::string name = std::to_string(directory) + "/" + std::to_string(file);
        files.push_back(File(name, name + "\n"));
      }
    }
    builder.Commit("main", "broad", files);
    builder.Finish();
    daemon_.AddHost("far", relay_.UrlTemplate());
    Mount();
  }
  void TearDown() override {
    relay_.Open();
    if (daemon_.running()) {
      EXPECT_TRUE(daemon_.Terminate());
    }
    relay_.Stop();
    MountTest::TearDown();
  }

  ChildProcess Run(const Argv& argv) { return ChildProcess::Start(argv, scratch_ / "output"); }

  HesitantRelay relay_{server_.port()};
  const std::filesystem::path path_ = daemon_ / "far/a/broad";
};

TEST_F(EarlyListingTest, TheRootIsListedWhileTheTipComes) {
  // Each name, .git and two virtual files.
  EXPECT_EQ(List(path_).size(), kDirectoryCount + 4u);
  ASSERT_TRUE(WaitUntil([&] { return relay_.hesitates(); }, std::chrono::seconds(20)));
  EXPECT_EQ(daemon_.Stage("far/a/broad"), "absent");
  ChildProcess below = Run({"ls", (path_ / "99").string()});
  ChildProcess sizes = Run({"ls", "-l", path_.string()});
  ChildProcess status = Run({"git", "-C", path_.string(), "status", "--porcelain"});
  ChildProcess insights = Run({"cat", (path_ / ".insights.json").string()});
  EXPECT_EQ(ErrnoOfRead(path_ / "missing"), ENOENT) << "the names of the root are known";
  EXPECT_EQ(List(path_).size(), kDirectoryCount + 4u);
  for (ChildProcess* child : {&below, &sizes, &status, &insights}) EXPECT_TRUE(child->running());
  relay_.Open();
  for (ChildProcess* child : {&below, &sizes, &status, &insights}) {
    EXPECT_EQ(child->Wait(std::chrono::seconds(30)), 0) << ReadFile(scratch_ / "output");
  }
  EXPECT_EQ(ReadFile(path_ / "99/7"), "99/7\n");
  EXPECT_EQ(Git(path_, {"status", "--porcelain"}), "");
  EXPECT_EQ(Git(path_, {"log", "--format=%s"}), "broad");
}

TEST_F(EarlyListingTest, ATransferThatBreaksAfterThatIsTriedAgain) {
  EXPECT_EQ(List(path_).size(), kDirectoryCount + 4u);
  ASSERT_TRUE(WaitUntil([&] { return relay_.hesitates(); }, std::chrono::seconds(20)));
  ChildProcess below = Run({"ls", (path_ / "99").string()});
  relay_.Cut();
  EXPECT_TRUE(below.Wait(std::chrono::seconds(30)).has_value()) << "it fails, or is answered";
  EXPECT_TRUE(
      WaitUntil([&] { return ErrnoOfRead(path_ / "99/7") == 0; }, std::chrono::seconds(30)));
  EXPECT_EQ(Git(path_, {"status", "--porcelain"}), "");
}

}  // namespace
}  // namespace reposfs::testing
