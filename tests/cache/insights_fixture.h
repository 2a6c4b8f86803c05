// The fixture of the suites on insights: a repository made with git, and what is computed from it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cache/insights_maker.h"
#include "cache/insights_query.h"
#include "tests/cache/packed_repository.h"
#include "tests/support/files.h"
#include "tests/support/sample_repositories.h"

namespace reposfs {

class InsightsFixture : public ::testing::Test {
 protected:
  static constexpr WallTime kNow{std::chrono::seconds(1'700'500'000)};
  static constexpr char kKey[] = "h/o/n";

  ~InsightsFixture() override {
    store_.reset();
    repository_.reset();
    EXPECT_LE(testing::OpenFdCount(), fd_count_) << "leaked";
  }

  // Mails, renames, merges, binary and empty files, empty commits, two roots, odd names: all that
  // has its own line in `git log --numstat`.
  void FillVaried() {
    using namespace testing;
    RepositoryBuilder builder(git_.path());
    std::string text;
    for (int i = 0; i < 60; ++i) text += "line " + std::to_string(i) + "\n";
    builder.Commit("main", "first",
                   {File("a.c", text), File("LICENSE", "SPDX-License-Identifier: MIT\n")});
    builder.SetAuthor("Bob Old <bob@old>", "-0800");
    builder.Commit("main", "rename", {Delete("a.c"), File("dir/b.c", text + "more\n")});
    builder.SetAuthor("Bob <bob@new>", "+0530");
    builder.Commit("main", "binary", {File("x.bin", std::string("\0\1\2", 3)), File("empty", "")});
    builder.SetAuthor("Ev\x1bil <\xff@\"x>");
    builder.Commit("main", "odd",
                   {File("tab\tnew\nline \"q\" \xff", "1\n2\n"), File("c\xc3\xa9.py", "x\n")});
    builder.SetAuthor(" <nobody@x>");
    builder.Commit("main", "nothing changed", {});
    builder.SetAuthor("Zo\xc3\xab <zoe@x>");
    const auto other = builder.Commit("other", "a second root", {File("z.rs", "fn main() {}\n")});
    builder.Merge("main", other, "merge");
    builder.Commit(
        "main", "mailmap",
        {File(".mailmap", "Robert <bob@new> Bob Old <bob@old>\nRobert <bob@new> Bob <bob@new>\n")});
    builder.Commit("main", "copy",
                   {File("dir/copy.c", text), Delete("x.bin"), Symlink("link", "a")});
    builder.AnnotatedTag("v1.0", other, "one");
    builder.Finish();
  }

  // All that the repository has now is here, and `main` is its head.
  void Open() {
    git_.Pack(store_path_ / "objects/pack", "--all");
    RepositoryRecord record;
    record.id = 7;
    record.key = kKey;
    record.stage = Stage::kComplete;
    repository_ = std::make_shared<Repository>(RepositoryKey{"h", "o", "n"}, record, store_path_,
                                               std::make_shared<BytesOnDisk>(0));
    SetHead("main");
    if (!store_) store_ = OpenStore("cache");
  }

  void SetHead(const std::string& revision) {
    const std::string head = testing::Git(git_.path(), {"rev-parse", revision});
    const std::string refs = testing::Git(git_.path(), {"show-ref", "-d"});
    std::string text = head + "\tHEAD\n";
    for (std::string line : {refs + "\n"}) {
      for (char& c : line) c = c == ' ' ? '\t' : c;
      text += line;
    }
    auto snapshot = RefSnapshot::FromLsRemote(text);
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    repository_->SetRefs(std::make_shared<const RefSnapshot>(std::move(*snapshot)));
  }

  std::unique_ptr<InsightsStore> OpenStore(const std::string& name) {
    std::filesystem::create_directories(directory_ / name);
    auto store = InsightsStore::Open(directory_ / name);
    if (!store) throw std::runtime_error(store.error().message);
    return std::move(*store);
  }

  Status MakeIn(
      InsightsStore& store, const std::string& revision,
      std::function<Status()> keep_going = [] { return Status(); }) {
    return MakeInsights(store, {repository_, git_.Find(revision), HistoryPolicy::kComplete, kNow,
                                directory_ / "scratch", FetchOptions{}, std::move(keep_going)});
  }

  std::string TextOf(const InsightsStore& store, const std::string& revision) {
    const auto document = store.Document(7, kKey, git_.Find(revision).Hex());
    return document && *document ? (*document)->json : "";
  }

  // The insights of `revision`, computed now.
  nlohmann::json Make(const std::string& revision) {
    const Status made = MakeIn(*store_, revision);
    EXPECT_TRUE(made) << made.error().message;
    return nlohmann::json::parse(TextOf(*store_, revision), nullptr, false);
  }

  // The answer to `sql`, one line a row, '|' between columns.
  std::string Ask(const std::string& sql) {
    const auto answer = QueryInsights(directory_ / "cache", kKey, sql);
    if (!answer) return answer.error().message;
    std::string text;
    for (const auto& row : answer->rows) {
      for (std::size_t i = 0; i < row.size(); ++i) text += (i > 0 ? "|" : "") + row[i].text;
      text += "\n";
    }
    return text;
  }

  std::string Git(const testing::Argv& args) { return testing::Git(git_.path(), args); }

  const std::size_t fd_count_ = testing::OpenFdCount();
  testing::TempDir directory_{"insights"};
  const std::filesystem::path store_path_ = directory_ / "store";
  PackedRepository git_{directory_ / "git"};
  RepositoryPtr repository_;
  std::unique_ptr<InsightsStore> store_;
};

}  // namespace reposfs
