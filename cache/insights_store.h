// What was computed from the histories: commits, authors and changes to be asked by SQL, and the
// documents that views show.  cache/insights_schema.h describes the file, `insights.db`.
//
// Everything in it can be computed again from the packs, so a damaged or older file is replaced by
// an empty one.
//
// Thread-safety: every method may be called from any thread, and several processes may have the
// same file.  Reading a document does not wait for those who write.
//
// Invariants:
//   (1) A commit is there with all its changes or not at all, so whoever is killed leaves a part of
//   the history that the next one goes on from.
//   (2) A document is there whole, and says what it was computed from.
//
// Errors: those of SqliteDatabase.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cache/commit_facts.h"
#include "cache/sqlite_database.h"

namespace reposfs {

struct InsightsDocument {
  bool complete = false;  // The history is in it.
  WallTime computed_at{};
  std::string json;
  std::string html;
};
using InsightsDocumentPtr = std::shared_ptr<const InsightsDocument>;

struct KnownCommit {
  Oid oid;
  std::int64_t id;
  bool on_head;
};

struct KnownAuthor {
  std::int64_t id;
  Identity identity;
};

struct CommitRow {
  std::int64_t id;
  std::int64_t author_id;
  std::int64_t authored_at_s;
  int author_offset_minutes;
  std::int64_t committed_at_s;
  std::int64_t parent_count;
  std::int64_t added;
  std::int64_t deleted;
};

struct ChangeRow {
  std::int64_t commit_id;
  std::int64_t path_id;
  std::int64_t added;  // 0 for a binary file.
  std::int64_t deleted;
};

class InsightsStore {
 public:
  static constexpr char kFileName[] = "insights.db";

  static Result<std::unique_ptr<InsightsStore>> Open(const std::filesystem::path& cache_directory);

  // --- For the job that computes; `repository` is the catalog's id ---

  // What is known under this id of another repository, of a catalog that was removed, is forgotten.
  Status PutRepository(std::int64_t repository, const std::string& key);
  // Adds those that are not known yet.
  Status Add(std::int64_t repository, const std::vector<CommitFacts>& commits);
  Result<std::vector<KnownCommit>> Commits(std::int64_t repository) const;
  Result<std::vector<KnownAuthor>> Authors(std::int64_t repository) const;
  // The default branch shows `head` now: `joined` lead to it, `left` do not any more, and people
  // are called as `names` says, in the order of `authors`.
  struct HeadChange {
    std::string head;
    WallTime computed_at;
    std::vector<std::int64_t> joined;
    std::vector<std::int64_t> left;
    std::vector<KnownAuthor> canonical;
  };
  Status SetHead(std::int64_t repository, const HeadChange& change);

  Status VisitCommits(std::int64_t repository,
                      const std::function<void(const CommitRow&)>& visit) const;
  // In the order of the commits.
  Status VisitChanges(std::int64_t repository,
                      const std::function<void(const ChangeRow&)>& visit) const;
  Result<std::string> PathOf(std::int64_t path_id) const;

  // --- Documents ---

  // Replaces the one of this commit.  At most kDocumentsMax of a repository are kept.
  static constexpr int kDocumentsMax = 16;
  Status PutDocument(std::int64_t repository, const std::string& commit,
                     const InsightsDocument& document);
  // Null if there is none.
  Result<InsightsDocumentPtr> Document(std::int64_t repository, const std::string& key,
                                       const std::string& commit) const;

  // What the file takes on the disk, with SQLite's own beside it.
  std::uint64_t size_bytes() const;

  // The ids of all of which something is known.
  Result<std::vector<std::int64_t>> Repositories() const;

  // Removes all that is known of `repository`, a few thousand commits at a time, for as long as
  // `keep_going()` is true.
  Status Forget(std::int64_t repository, const std::function<bool()>& keep_going);

 private:
  InsightsStore(std::filesystem::path file, SqliteDatabasePtr writer, SqliteDatabasePtr reader)
      : file_(std::move(file)), writer_(std::move(writer)), reader_(std::move(reader)) {}

  class Adder;
  Result<bool> ForgetSome(std::int64_t repository);

  const std::filesystem::path file_;
  const SqliteDatabasePtr writer_;
  const SqliteDatabasePtr reader_;
};

}  // namespace reposfs
