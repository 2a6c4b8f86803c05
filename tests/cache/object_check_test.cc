#include "cache/object_check.h"

#include <gtest/gtest.h>

#include "cache/git_command.h"
#include "cache/options.h"
#include "tests/cache/pack_builder.h"
#include "tests/support/command.h"
#include "tests/support/hostile_repositories.h"
#include "tests/support/temp_dir.h"

namespace reposfs {
namespace {

const std::string kTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";  // The empty one.
const std::string kBlob = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";  // The empty one.
const std::string kWho = " A <a@example.org> 1700000000 +0000\n";
const std::string kNul(1, '\0');

std::string Entry(const std::string& mode, const std::string& name) {
  return mode + " " + name + kNul + RawBytes(*Oid::FromHex(kBlob));
}

// git's own verdict on what arrives, with the severities that fetches use.
class ObjectCheckTest : public ::testing::Test {
 protected:
  ObjectCheckTest() {
    testing::Output({"git", "init", "-q", "--bare", directory_.path().string()});
    std::string severities;
    const std::string key = "=fetch.fsck.";
    for (const std::string& variable : GitCommand({}, FetchOptions(), nullptr).environment) {
      const std::size_t at = variable.find(key);
      if (at == std::string::npos) continue;
      severities += (severities.empty() ? "" : ",") + variable.substr(at + key.size()) + "=ignore";
    }
    strict_ = "--strict=" + severities;
  }

  bool GitAccepts(ObjectType type, const std::string& content) {
    PackBuilder builder;
    builder.Object(ObjectType::kTree, "");
    builder.Object(ObjectType::kBlob, "");
    if (!content.empty()) builder.Object(type, content);
    testing::RunOptions input;
    input.stdin_text = builder.Build();
    return testing::Execute(
               {"git", "-C", directory_.path().string(), "index-pack", "--stdin", strict_}, input)
        .ok();
  }

  void ExpectAccepted(ObjectType type, const std::string& content) {
    const auto status = CheckObject(type, content);
    EXPECT_TRUE(status) << content << ": " << status.error().message;
    EXPECT_TRUE(GitAccepts(type, content)) << content;
  }
  void ExpectRefused(ObjectType type, const std::string& content) {
    EXPECT_FALSE(CheckObject(type, content)) << content;
    EXPECT_FALSE(GitAccepts(type, content)) << content;
  }

  testing::TempDir directory_{"object-check"};
  std::string strict_;
};

TEST_F(ObjectCheckTest, CommitsAreJudgedAsGitDoes) {
  const std::string tree = "tree " + kTree + "\n";
  const std::string author = "author" + kWho;
  const std::string committer = "committer" + kWho;
  ExpectAccepted(ObjectType::kCommit, tree + author + committer + "\nmessage\n");
  ExpectAccepted(ObjectType::kCommit, tree + author + committer);
  ExpectAccepted(ObjectType::kCommit, tree + author + author + committer + "\n");
  ExpectAccepted(ObjectType::kCommit, tree + author + committer + "\n" + kNul);
  ExpectAccepted(ObjectType::kCommit,
                 tree + "author nobody\ncommitter <x> 01 +9\nencoding x\n\nmessage");

  ExpectRefused(ObjectType::kCommit, author + committer + "\n");
  ExpectRefused(ObjectType::kCommit, "tree " + kTree.substr(1) + "\n" + author + committer + "\n");
  ExpectRefused(ObjectType::kCommit, "tree " + kTree + " \n" + author + committer + "\n");
  ExpectRefused(ObjectType::kCommit, tree + "parent x\n" + author + committer + "\n");
  ExpectRefused(ObjectType::kCommit, tree + committer + "\n");
  ExpectRefused(ObjectType::kCommit, tree + author + "\n");
  ExpectRefused(ObjectType::kCommit, tree + "x y\n" + author + committer + "\n");
  ExpectRefused(ObjectType::kCommit, tree + author + "committer" + kNul + kWho + "\n");
  ExpectRefused(ObjectType::kCommit, tree + author + committer + "x y");
  ExpectRefused(ObjectType::kCommit, "\n\n");
}

TEST_F(ObjectCheckTest, TagsAreJudgedAsGitDoes) {
  const std::string object = "object " + kTree + "\n";
  ExpectAccepted(ObjectType::kTag, object + "type tree\ntag v1\ntagger" + kWho + "\nmessage\n");
  ExpectAccepted(ObjectType::kTag, object + "type tree\ntag ..\n");
  ExpectAccepted(ObjectType::kTag, object + "type tree\ntag v1\nx y\n\n");

  ExpectRefused(ObjectType::kTag, "type tree\ntag v1\n");
  ExpectRefused(ObjectType::kTag, "object x\ntype tree\ntag v1\n");
  ExpectRefused(ObjectType::kTag, object + "tag v1\n");
  ExpectRefused(ObjectType::kTag, object + "type forest\ntag v1\n");
  ExpectRefused(ObjectType::kTag, object + "type tree\ntagger" + kWho);
  ExpectRefused(ObjectType::kTag, object + "type tree\ntag v1");
  ExpectRefused(ObjectType::kTag, object + "type tree\ntag v" + kNul + "\n");
}

TEST_F(ObjectCheckTest, TreesAreJudgedAsGitDoes) {
  ExpectAccepted(ObjectType::kTree, "");
  ExpectAccepted(ObjectType::kTree, Entry("100644", "b") + Entry("100644", "a"));
  ExpectAccepted(ObjectType::kTree, Entry("100644", "a") + Entry("100644", "a"));
  ExpectAccepted(ObjectType::kTree, Entry("0100664", "a"));
  for (const std::string& name : testing::HarmfulNames()) {
    ExpectAccepted(ObjectType::kTree, Entry("100644", name));
  }

  ExpectRefused(ObjectType::kTree, Entry("100644", ""));
  ExpectRefused(ObjectType::kTree, Entry("", "a"));
  ExpectRefused(ObjectType::kTree, Entry("100684", "a"));
  ExpectRefused(ObjectType::kTree, Entry("100644", "a") + "100644 b");
  ExpectRefused(ObjectType::kTree, Entry("100644", "a").substr(0, 15));
  ExpectRefused(ObjectType::kTree, Entry("100644", "a") + "x");
}

TEST_F(ObjectCheckTest, BlobsMayBeAnything) {
  ExpectAccepted(ObjectType::kBlob, "x" + kNul);
}

}  // namespace
}  // namespace reposfs
