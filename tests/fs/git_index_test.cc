#include "fs/git_index.h"

#include "fs/tree_nodes.h"
#include "tests/cache/cache_test.h"
#include "tests/support/repository_builder.h"

namespace reposfs {
namespace {

using testing::Executable;
using testing::File;
using testing::Symlink;

// The index of a view, as stock git reads it through GIT_INDEX_FILE beside the upstream itself.
class GitIndexTest : public CacheTest {
 protected:
  GitIndexTest() { options_.history.policy = HistoryPolicy::kNone; }

  void TearDown() override {
    view_.reset();
    CacheTest::TearDown();
  }

  void Commit(const std::vector<testing::Change>& changes) {
    testing::RepositoryBuilder builder(MakeUpstream("n"));
    builder.Commit("main", "one", changes);
    builder.Finish();
  }

  std::string Build() {
    if (!cache_) Open();
    mount_ =
        std::make_unique<MountContext>(MountContext{*cache_, {}, milliseconds(1000), 1234, 5678});
    view_ = std::make_shared<View>(*mount_, Key("n"), "");
    auto index = Await([&] { return BuildGitIndex(view_); });
    EXPECT_TRUE(index) << index.error().message;
    testing::WriteFile(directory_ / "index", index ? *index : "");
    return index ? *index : "";
  }

  std::string GitOnIndex(const testing::Argv& arguments) {
    testing::Argv argv = {"git",
                          "--git-dir=" + Upstream("n").string(),
                          "-c",
                          "core.bare=false",
                          "-c",
                          "core.quotePath=false",
                          "--work-tree=" + directory_.path().string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    testing::RunOptions options;
    options.directory = directory_.path();
    options.environment = {"GIT_INDEX_FILE=" + (directory_ / "index").string()};
    return testing::Output(argv, options);
  }

  // What git itself would put into an index of this commit.
  std::string Expected() {
    testing::RunOptions options;
    options.environment = {"GIT_INDEX_FILE=" + (directory_ / "expected").string()};
    const std::string git_dir = "--git-dir=" + Upstream("n").string();
    testing::Output({"git", git_dir, "read-tree", "main"}, options);
    return testing::Output({"git", git_dir, "ls-files", "--stage", "-z"}, options);
  }

  void ExpectEqualToGits() {
    Build();
    EXPECT_EQ(GitOnIndex({"ls-files", "--stage", "-z"}), Expected());
    EXPECT_EQ(GitOnIndex({"write-tree"}), Find("n", "main^{tree}").Hex());
    EXPECT_EQ(GitOnIndex({"diff-index", "--cached", "main"}), "");
  }

  std::unique_ptr<MountContext> mount_;
  ViewPtr view_;
};

TEST_F(GitIndexTest, HasTheEntriesOfTheCommit) {
  Commit({File("a", "1"), File("d/e/f", "2"), Executable("x", "3"), Symlink("l", "a"),
          testing::Submodule("s", std::string(40, '1'))});
  ExpectEqualToGits();
}

TEST_F(GitIndexTest, DirectoriesSortAsIfTheyEndedInASlash) {
  Commit({File("a/x", "1"), File("a.b", "2"), File("a-b/y", "3"), File("a0", "4"),
          File("ab/a/x", "5"), File("ab/a.c", "6"), File("\xff/x", "7"), File("A", "8")});
  ExpectEqualToGits();
}

TEST_F(GitIndexTest, PathsOfAnyLengthFit) {
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += std::string(250, static_cast<char>('a' + i)) + "/";
  std::vector<testing::Change> files = {File(deep + "file", "deep"), File("z", "last")};
  // Around the lengths at which the padding and the length in the flags change.
  for (std::size_t size = 1; size <= 20; ++size) files.push_back(File(std::string(size, 'p'), "p"));
  for (const std::size_t size : {4093u, 4094u, 4095u, 4096u, 4097u}) {
    std::string path;
    while (path.size() + 201 < size) path += std::string(199, 'q') + "/";
    files.push_back(File(path + std::string(size - path.size(), 'r'), "long"));
  }
  Commit(files);
  ExpectEqualToGits();
}

TEST_F(GitIndexTest, AnEmptyRepositoryHasAnEmptyIndex) {
  MakeUpstream("n");
  Build();
  EXPECT_EQ(GitOnIndex({"ls-files"}), "");
}

TEST_F(GitIndexTest, ItsChecksumIsThatOfItsContent) {
  Commit({File("a", "1")});
  std::string index = Build();
  EXPECT_EQ(index.substr(0, 4), "DIRC");
  index[40] = static_cast<char>(index[40] ^ 1);
  testing::WriteFile(directory_ / "index", index);
  const auto checked = testing::Sh("GIT_INDEX_FILE='" + (directory_ / "index").string() +
                                   "' git --git-dir='" + Upstream("n").string() + "' fsck 2>&1");
  EXPECT_NE(checked.status, 0) << "a single flipped bit is noticed by git fsck: " << checked.out;
}

TEST_F(GitIndexTest, GitFindsNothingWrongWithIt) {
  testing::FillOddities(MakeUpstream("n"));
  ExpectEqualToGits();
  testing::RunOptions options;
  options.environment = {"GIT_INDEX_FILE=" + (directory_ / "index").string()};
  const auto checked = testing::Execute(
      {"git", "--git-dir=" + Upstream("n").string(), "fsck", "--no-dangling"}, options);
  EXPECT_TRUE(checked.ok()) << checked;
}

TEST_F(GitIndexTest, StatDataIsWhatTheMountReports) {
  Commit({File("a", "four"), File("d/b", "seven!!")});
  Build();
  const std::string debug = GitOnIndex({"ls-files", "--debug"});
  const auto time =
      std::chrono::duration_cast<std::chrono::seconds>(view_->modified().time_since_epoch())
          .count();
  EXPECT_NE(debug.find("mtime: " + std::to_string(time) + ":0"), std::string::npos) << debug;
  EXPECT_NE(debug.find("ctime: " + std::to_string(time) + ":0"), std::string::npos);
  EXPECT_NE(debug.find("uid: 1234\tgid: 5678"), std::string::npos);
  EXPECT_NE(debug.find("size: 4\t"), std::string::npos);
  EXPECT_NE(debug.find("size: 7\t"), std::string::npos);
  const InodeIdentity inode =
      IdentityOfEntry(view_->identity(), TreeEntry{"a", Find("n", "main:a"), EntryType::kFile});
  EXPECT_NE(debug.find("ino: " + std::to_string(static_cast<std::uint32_t>(inode.number)) + "\n"),
            std::string::npos)
      << debug;
}

TEST_F(GitIndexTest, TheSameViewHasTheSameIndex) {
  Commit({File("a", "1"), File("d/b", "2")});
  const std::string first = Build();
  EXPECT_EQ(Build(), first);
}

TEST_F(GitIndexTest, ABigTreeIsNoDifferent) {
  std::vector<testing::Change> files;
  for (int i = 0; i < 5000; ++i) {
    files.push_back(
        File("d" + std::to_string(i % 70) + "/e" + std::to_string(i % 7) + "/f" + std::to_string(i),
             std::to_string(i)));
  }
  Commit(files);
  ExpectEqualToGits();
}

}  // namespace
}  // namespace reposfs
