// A node serves git to clients that mean harm, or just go away.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <sstream>
#include <thread>

#include "tests/support/mount_test.h"
#include "tests/support/repository_builder.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;

std::string Pkt(const std::string& line) {
  char header[5];
  std::snprintf(header, sizeof header, "%04zx", line.size() + 4);
  return header + line;
}

// `key` of /proc/<pid>/status, which is in kB, in bytes.
std::uint64_t StatusBytes(const std::string& pid, const std::string& key) {
  std::istringstream status(ReadFile("/proc/" + pid + "/status"));
  for (std::string word; status >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == key && status >> kilobytes) return kilobytes << 10;
  }
  return 0;
}

class GitHostileTest : public MountTest {
 protected:
  GitHostileTest() { daemon_.Set("http.serveGit", "anyone"); }

  // A repository of one file, of `size_bytes` that nothing can make smaller.
  void FillRandom(const std::string& name, std::size_t size_bytes) {
    server_.Create(name);
    std::mt19937 random(1);
    std::string content(size_bytes, '\0');
    std::generate(content.begin(), content.end(), [&] { return static_cast<char>(random()); });
    RepositoryBuilder builder(server_.Path(name));
    builder.Commit("main", "one", {File("small", "1")});
    builder.Commit("main", "two", {File("large", content)});
    builder.Finish();
  }
  std::string Url(const std::string& name) const {
    return "http://" + daemon_.CliJson({"status"})["httpListen"].get<std::string>() + "/test/" +
           name + ".git";
  }
  // `curl`, with `arguments`, posting the file `body` to upload-pack of `name`.
  Argv Post(const std::string& name, const fs::path& body, const Argv& arguments) const {
    Argv argv = {"curl",
                 "-sS",
                 "-o",
                 "/dev/null",
                 "-w",
                 "%{http_code}",
                 "-H",
                 "Git-Protocol: version=2",
                 "-H",
                 "Content-Type: application/x-git-upload-pack-request",
                 "--data-binary",
                 "@" + body.string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    argv.push_back(Url(name) + "/git-upload-pack");
    return argv;
  }
  // What only git can answer: the last commit, not its history.
  std::string Request(const std::string& name, const std::string& more = "") const {
    return Pkt("command=fetch") + "0001" + Pkt("ofs-delta\n") + Pkt("deepen 1\n") +
           Pkt("want " + Git(server_.Path(name), {"rev-parse", "main"}) + "\n") + more +
           Pkt("done\n") + "0000";
  }
  std::string DaemonPid() const { return std::to_string(daemon_.pid()); }
  std::vector<std::string> Children() const {
    std::istringstream pids(Execute({"pgrep", "-P", DaemonPid()}).out);
    return {std::istream_iterator<std::string>(pids), {}};
  }
  void ExpectServing(const std::string& name) {
    const CommandResult cloned =
        Execute({"git", "clone", "-q", Url(name), (scratch_ / "good").string()});
    EXPECT_TRUE(cloned.ok()) << cloned;
    fs::remove_all(scratch_ / "good");
  }
};

TEST_F(GitHostileTest, ASmallBodyThatInflatesWithoutEndIsRefused) {
  FillSmall(server_.Create("a/small"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/small")));
  ASSERT_TRUE(Sh("head -c 300M /dev/zero | gzip -1 >" + (scratch_ / "bomb").string()).ok());
  const std::uint64_t before = StatusBytes(DaemonPid(), "VmHWM:");
  EXPECT_EQ(Output(Post("a/small", scratch_ / "bomb", {"-H", "Content-Encoding: gzip"})), "413");
  EXPECT_LT(StatusBytes(DaemonPid(), "VmHWM:") - before, 120u << 20);
  EXPECT_EQ(Output(Post("a/small", scratch_ / "bomb", {})), "400");
  ExpectServing("a/small");
}

TEST_F(GitHostileTest, AHugeBodyIsRefused) {
  FillSmall(server_.Create("a/small"));
  Mount();
  ASSERT_TRUE(Sh("truncate -s 100M " + (scratch_ / "huge").string()).ok());
  EXPECT_EQ(Output(Post("a/small", scratch_ / "huge", {})), "413");
  ExpectServing("a/small");
}

TEST_F(GitHostileTest, AFloodOfHavesTakesLittleMemory) {
  FillSmall(server_.Create("a/small"));
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/small")));
  std::string haves;
  for (unsigned i = 0; i < 200'000; ++i) {
    char hex[41];
    std::snprintf(hex, sizeof hex, "%040x", i * 2654435761u);
    haves += Pkt(std::string("have ") + hex + "\n");
  }
  WriteFile(scratch_ / "flood", Request("a/small", haves));
  const std::uint64_t before = StatusBytes(DaemonPid(), "VmHWM:");
  std::atomic<bool> done{false};
  std::uint64_t largest_child = 0;
  std::thread watcher([&] {
    while (!done) {
      for (const std::string& child : Children()) {
        largest_child = std::max(largest_child, StatusBytes(child, "VmHWM:"));
      }
    }
  });
  EXPECT_EQ(Output(Post("a/small", scratch_ / "flood", {})), "200");
  done = true;
  watcher.join();
  EXPECT_LT(StatusBytes(DaemonPid(), "VmHWM:") - before, 80u << 20);
  EXPECT_LT(largest_child, 60u << 20);
}

TEST_F(GitHostileTest, ManyConnectionsAtOnceAreAllAnswered) {
  FillSmall(server_.Create("a/small"));
  Mount();
  const CommandResult answers =
      Execute({"curl", "-sS", "--parallel", "--parallel-immediate", "--parallel-max", "200", "-o",
               "/dev/null", "-w", "%{http_code}\n", "-H", "Git-Protocol: version=2",
               Url("a/small") + "/info/refs?service=git-upload-pack&n=[1-200]"});
  std::istringstream codes(answers.out);
  const auto good = std::count(std::istream_iterator<std::string>(codes), {}, "200");
  EXPECT_EQ(good, 200) << answers;
  ExpectServing("a/small");
}

TEST_F(GitHostileTest, PathsThatLeadElsewhereAreRefused) {
  FillSmall(server_.Create("a/small"));
  Mount();
  for (const char* path : {"/test/a/..%2f..%2fetc/info/refs", "/test/..%2fa/small.git/info/refs",
                           "/test/a/%2e%2e/info/refs", "/test/a/small.git%00/info/refs"}) {
    const std::string url = Url("a/small");
    const std::string root = url.substr(0, url.find("/test/"));
    EXPECT_EQ(Output({"curl", "-sS", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}",
                      root + path + "?service=git-upload-pack"}),
              "400")
        << path;
  }
  EXPECT_TRUE(server_.Requests().empty());
}

TEST_F(GitHostileTest, AClientThatGoesLeavesNothingBehind) {
  FillRandom("a/large", 24u << 20);
  Mount();
  ASSERT_TRUE(daemon_.Warm(Key("a/large")));
  ASSERT_TRUE(WaitUntil([&] { return Children().empty(); }, std::chrono::seconds(30)));
  WriteFile(scratch_ / "request", Request("a/large"));
  ChildProcess client = ChildProcess::Start(
      Post("a/large", scratch_ / "request", {"--limit-rate", "50k"}), scratch_ / "curl.log");
  ASSERT_TRUE(WaitUntil([&] { return !Children().empty(); }, std::chrono::seconds(30)));
  const CommandResult in_use = daemon_.Cli({"evict", Key("a/large")});
  EXPECT_NE(in_use.err.find("in use"), std::string::npos) << in_use;
  client.Kill();
  EXPECT_TRUE(WaitUntil([&] { return Children().empty(); }, std::chrono::seconds(30)));
  EXPECT_TRUE(WaitUntil(
      [&] {
        return daemon_.Cli({"evict", Key("a/large")}).ok();
      },
      std::chrono::seconds(30)));
  for (const std::string& name : List(daemon_.cache() / "tmp")) {
    EXPECT_FALSE(name.starts_with("upload-")) << name;
  }
  ExpectServing("a/large");
}

}  // namespace
}  // namespace reposfs::testing
