// Nothing harmful in a repository is shown, nothing hangs, and memory stays bounded.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>

#include "base/unique_fd.h"
#include "tests/support/hostile_repositories.h"
#include "tests/support/mount_test.h"
#include "tests/support/tcp_server.h"

namespace reposfs::testing {
namespace {

constexpr std::uint64_t kMemoryBytesMax = 1500ull << 20;

class HostileTest : public MountTest {
 protected:
  std::set<std::string> Names(const std::filesystem::path& directory) {
    const std::vector<std::string> names = List(directory);
    return {names.begin(), names.end()};
  }

  // The daemon still serves others, with bounded memory.
  void ExpectUnharmed() {
    FillWith(server_.Create("good/neighbour"), "unharmed\n");
    EXPECT_EQ(ReadFile(Path("good/neighbour") / "file"), "unharmed\n");
    EXPECT_LT(daemon_.MemoryBytes(), kMemoryBytesMax);
  }
};

TEST_F(HostileTest, HarmfulNamesAreNotShownAndTheRestWorks) {
  FillHarmfulNames(server_.Create("eve/names"));
  Mount();
  EXPECT_EQ(ReadFile(Path("eve/names") / "good"), "good\n");
  EXPECT_EQ(ReadFile(Path("eve/names") / "sub/inner"), "good\n");
  const std::set<std::string> shown = Names(Path("eve/names"));
  for (const std::string& name : HarmfulNames()) {
    if (name == ".git") continue;  // There is one, but it is ours.
    EXPECT_FALSE(shown.contains(name)) << name;
    if (name == "." || name == ".." || name.find('/') != std::string::npos) continue;
    EXPECT_NE(ErrnoOfStat(Path("eve/names") / name), 0) << name;
  }
  EXPECT_EQ(ReadFile(Path("eve/names") / ".git/config").find("never"), std::string::npos);
  EXPECT_EQ(Names(Path("eve/names") / "sub"), std::set<std::string>{"inner"});
  ExpectUnharmed();
}

TEST_F(HostileTest, AHiddenEntryIsLoggedWithItsObjectId) {
  const std::string oid = FillHarmfulNames(server_.Create("eve/names"));
  Mount();
  EXPECT_EQ(ErrnoOfList(Path("eve/names")), 0);
  EXPECT_NE(daemon_.Log().find(oid), std::string::npos);
}

TEST_F(HostileTest, ATreeWithANamelessEntryFailsCleanly) {
  FillEmptyName(server_.Create("eve/nameless"));
  Mount();
  (void)ErrnoOfList(Path("eve/nameless"));
  EXPECT_FALSE(Names(Path("eve/nameless")).contains(""));
  ExpectUnharmed();
}

TEST_F(HostileTest, OfDuplicatesOneOrNoneIsShown) {
  FillDuplicates(server_.Create("eve/twice"));
  Mount();
  const std::vector<std::string> names = List(Path("eve/twice"));
  EXPECT_LE(std::count(names.begin(), names.end(), "twice"), 1);
  EXPECT_EQ(std::count(names.begin(), names.end(), "good"), 1);
  ExpectUnharmed();
}

TEST_F(HostileTest, ModesGrantNothingBeyondExecution) {
  FillHarmfulModes(server_.Create("eve/modes"));
  Mount();
  for (const char* name : {"setuid", "sticky", "world"}) {
    struct stat stat;
    if (::lstat((Path("eve/modes") / name).c_str(), &stat) != 0) continue;
    EXPECT_EQ(stat.st_mode & 07022, 0u) << name;
  }
  ExpectUnharmed();
}

TEST_F(HostileTest, ThreeThousandLevelsCanBeDescendedStepByStep) {
  constexpr int kLevels = 3000;
  FillDeep(server_.Create("eve/deep"), kLevels);
  Mount();
  EXPECT_EQ(ReadFile(Path("eve/deep") / "good"), "good\n");
  UniqueFd directory(::open(Path("eve/deep").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  int level = 0;
  for (; level < kLevels && directory; ++level) {
    directory.reset(::openat(directory.get(), "d", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ASSERT_TRUE(directory) << "level " << level;
  const UniqueFd bottom(::openat(directory.get(), "bottom", O_RDONLY | O_CLOEXEC));
  char buffer[16] = {};
  EXPECT_EQ(::read(bottom.get(), buffer, sizeof(buffer) - 1), 7);
  EXPECT_STREQ(buffer, "bottom\n");
  ExpectUnharmed();
}

TEST_F(HostileTest, AMillionEntriesInOneDirectoryStayBounded) {
  constexpr int kEntries = 1'000'000;
  FillWide(server_.Create("eve/million"), kEntries);
  Mount();
  RunOptions options;
  options.timeout = std::chrono::minutes(3);
  const CommandResult count =
      Sh("ls -f '" + (Path("eve/million") / "wide").string() + "' | wc -l", options);
  EXPECT_EQ(std::atoi(count.out.c_str()), kEntries + 2) << count;
  EXPECT_LT(daemon_.MemoryBytes(), kMemoryBytesMax);
}

TEST_F(HostileTest, ATreeBombIsNotUnfolded) {
  FillTreeBomb(server_.Create("eve/bomb"));
  Mount();
  EXPECT_EQ(Names(Path("eve/bomb") / "d0/d1/d2").size(), 10u);
  EXPECT_EQ(ReadFile(Path("eve/bomb") / "d0/d1/d2/d3/d4/d5/d6/d7/d8/d9"), "boom\n");
  RunOptions soon;
  soon.timeout = std::chrono::seconds(10);
  const CommandResult log =
      Execute({"git", "-C", Path("eve/bomb").string(), "log", "-1", "--format=%s"}, soon);
  EXPECT_EQ(log.out, "hostile\n") << log;
  ExpectUnharmed();
}

TEST_F(HostileTest, ADirectoryThatLooksLikeARepositoryRunsNothing) {
  const std::string witness = scratch_ / "witness";
  FillBareLookalike(server_.Create("eve/bare"), "touch " + witness + "; false");
  Mount();
  EXPECT_EQ(ReadFile(Path("eve/bare") / "good"), "good\n");
  (void)Execute({"git", "-C", (Path("eve/bare") / "bare").string(), "status"});
  EXPECT_NE(ErrnoOfStat(witness), 0) << "a command of the repository was run";
  ExpectUnharmed();
}

TEST_F(HostileTest, LinksTooLongForTheKernelDoNoHarm) {
  FillLongLinks(server_.Create("eve/links"));
  Mount();
  EXPECT_EQ(std::filesystem::read_symlink(Path("eve/links") / "fits"), std::string(4095, 'a'));
  EXPECT_EQ(ReadFile(Path("eve/links") / "good"), "good\n");
  EXPECT_EQ(ErrnoOfList(Path("eve/links")), 0);
  char buffer[8192];
  EXPECT_LT(::readlink((Path("eve/links") / "over").c_str(), buffer, sizeof(buffer)), 0);
  ExpectUnharmed();
}

TEST_F(HostileTest, AnEndlessListOfRefsIsCutOff) {
  TcpServer endless(EndlessRefs());
  daemon_.AddHost("endless", endless.UrlTemplate());
  daemon_.Set("freshness.timeout", "1s");
  daemon_.Set("fetch.requestTimeout", "4s");
  daemon_.Set("fetch.totalTimeout", "6s");
  daemon_.Set("fetch.memory", "256MiB");
  Mount();
  EXPECT_NE(ErrnoOfList(daemon_ / "endless/eve/refs"), 0);
  ExpectUnharmed();
  EXPECT_TRUE(daemon_.Terminate());
}

TEST_F(HostileTest, GarbageInsteadOfAPackIsAnError) {
  TcpServer garbage(
      Respond("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n"
              "Content-Type: text/html\r\n\r\n<html>\n"));
  daemon_.AddHost("garbage", garbage.UrlTemplate());
  Mount();
  EXPECT_NE(ErrnoOfList(daemon_ / "garbage/eve/page"), 0);
  ExpectUnharmed();
}

TEST_F(HostileTest, ControlCharactersOfNamesStayOutOfTheLog) {
  Mount();
  (void)ErrnoOfStat(Path("eve/red\x1b[31m"));
  (void)ErrnoOfStat(Path("eve/red@\x1b[31m"));
  EXPECT_EQ(daemon_.Log().find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace reposfs::testing
