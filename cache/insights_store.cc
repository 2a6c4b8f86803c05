#include "cache/insights_store.h"

#include <spdlog/spdlog.h>

#include <unordered_map>
#include <utility>

#include "base/file_util.h"
#include "base/text.h"
#include "cache/insights_schema.h"

namespace reposfs {
namespace {

constexpr int kForgottenAtOnce = 4'000;
constexpr std::size_t kPathsRememberedMax = 200'000;
constexpr std::size_t kAuthorsRememberedMax = 100'000;

std::string BytesOf(const Identity& identity) {
  return identity.name + "\n" + identity.email;  // No name has a newline.
}

Identity IdentityOf(const std::string& bytes) {
  const std::size_t end = bytes.find('\n');
  if (end == std::string::npos) return Identity{bytes, ""};
  return Identity{bytes.substr(0, end), bytes.substr(end + 1)};
}

// The tables as they should be; a file of another version is emptied.
Status Prepare(SqliteDatabase& database) REPOSFS_REQUIRES(database.mutex) {
  // Whoever looks and then creates does so alone.
  Transaction transaction(database);
  const auto read = database.UserVersion();
  if (!read) return read.error();
  const std::int64_t version = *read;
  if (version == kInsightsSchemaVersion) return transaction.Commit();
  if (version != 0) {
    return Error{Errc::kCorrupt, "insights: of version " + std::to_string(version)};
  }
  if (auto made = database.Execute(kInsightsSchema); !made) return made;
  if (auto done = database.SetUserVersion(kInsightsSchemaVersion); !done) return done;
  return transaction.Commit();
}

Result<SqliteDatabasePtr> OpenPrepared(const std::filesystem::path& path) {
  auto database = SqliteDatabase::Open(path);
  if (!database) return std::move(database).error();
  MutexLock lock((*database)->mutex);
  if (auto prepared = Prepare(**database); !prepared) return std::move(prepared).error();
  // Summing up reads most of the file: to read it page by page was a fifth of the time.
  if (auto mapped = (*database)->Execute("PRAGMA mmap_size = 1073741824"); !mapped) {
    return std::move(mapped).error();
  }
  return *database;
}

Status DeleteFile(const std::filesystem::path& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code error;
    std::filesystem::remove(path.string() + suffix, error);
    if (error) return Error{Errc::kIo, "remove " + path.string() + ": " + error.message()};
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<InsightsStore>> InsightsStore::Open(
    const std::filesystem::path& cache_directory) {
  const std::filesystem::path path = cache_directory / kFileName;
  auto writer = OpenPrepared(path);
  if (!writer && writer.error().code == Errc::kCorrupt) {
    spdlog::warn("insights are computed anew cause=\"{}\"", writer.error().message);
    if (auto deleted = DeleteFile(path); !deleted) return std::move(deleted).error();
    writer = OpenPrepared(path);
  }
  if (!writer) return std::move(writer).error();
  auto reader = SqliteDatabase::Open(path);
  if (!reader) return std::move(reader).error();
  return std::unique_ptr<InsightsStore>(
      new InsightsStore(path, std::move(*writer), std::move(*reader)));
}

std::uint64_t InsightsStore::size_bytes() const {
  std::uint64_t size_bytes = 0;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    size_bytes += DiskUsageBytes(file_.string() + suffix);
  }
  return size_bytes;
}

Status InsightsStore::PutRepository(std::int64_t repository, const std::string& key) {
  bool other = false;
  {
    MutexLock lock(writer_->mutex);
    Statement statement(*writer_, "SELECT key FROM repository_rows WHERE id = ?");
    auto row = statement.Bind(repository).Step();
    if (!row) return std::move(row).error();
    if (*row && statement.Text(0) == key) return {};
    other = *row;
  }
  if (other) {
    if (auto forgotten = Forget(repository, [] { return true; }); !forgotten) return forgotten;
  }
  MutexLock lock(writer_->mutex);
  return Statement(*writer_, "INSERT OR IGNORE INTO repository_rows(id, key) VALUES(?, ?)")
      .Bind(repository)
      .Bind(key)
      .Run();
}

// Adds commits within one transaction; each statement is prepared once.
class InsightsStore::Adder {
 public:
  Adder(SqliteDatabase& database, std::int64_t repository) REPOSFS_REQUIRES(database.mutex)
      : repository_(repository),
        put_commit_(database,
                    "INSERT OR IGNORE INTO commit_rows(repository_id, oid, author_id, authored_at, "
                    "authored_offset, committed_at, parents, added, deleted, files, subject) "
                    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"),
        put_author_(database,
                    "INSERT INTO author_rows(repository_id, identity, name, email, "
                    "canonical_name, canonical_email) VALUES(?1, ?2, ?3, ?4, ?3, ?4) "
                    "ON CONFLICT DO UPDATE SET identity = identity RETURNING id"),
        put_path_(database,
                  "INSERT INTO path_rows(repository_id, path) VALUES(?, ?) "
                  "ON CONFLICT DO UPDATE SET path = path RETURNING id"),
        // A tree can name the same file twice.
        put_change_(database,
                    "INSERT INTO change_rows(commit_id, path_id, added, deleted) "
                    "VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                    "added = added + excluded.added, deleted = deleted + excluded.deleted") {}

  Status Add(const CommitFacts& commit) {
    auto author = AuthorOf(commit.author);
    if (!author) return std::move(author).error();
    put_commit_.Bind(repository_).Bind(commit.oid.Hex()).Bind(*author);
    put_commit_.Bind(commit.authored_at_s).Bind(std::int64_t{commit.author_offset_minutes});
    put_commit_.Bind(commit.committed_at_s).Bind(commit.parent_count);
    put_commit_.Bind(commit.added).Bind(commit.deleted).Bind(commit.file_count);
    put_commit_.Bind(Printable(commit.subject));
    auto id = IdOf(put_commit_);
    if (!id) return std::move(id).error();
    if (*id == 0) return {};  // Another process was faster.
    for (const FileChange& file : commit.files) {
      auto path = PathOf(file.path);
      if (!path) return std::move(path).error();
      put_change_.Bind(*id).Bind(*path).Bind(file.added).Bind(file.deleted);
      if (auto put = put_change_.Run(); !put) return put;
      put_change_.Reset();
    }
    return {};
  }

 private:
  // What RETURNING says; 0 if there is nothing.
  static Result<std::int64_t> IdOf(Statement& statement) {
    auto row = statement.Step();
    if (!row) return std::move(row).error();
    const std::int64_t id = *row ? statement.Int(0) : 0;
    if (*row) {
      if (auto done = statement.Run(); !done) return std::move(done).error();
    }
    statement.Reset();
    return id;
  }

  Result<std::int64_t> AuthorOf(const Identity& identity) {
    const std::string bytes = BytesOf(identity);
    if (const auto known = authors_.find(bytes); known != authors_.end()) return known->second;
    put_author_.Bind(repository_).BindBlob(bytes);
    put_author_.Bind(Printable(identity.name)).Bind(Printable(identity.email));
    auto id = IdOf(put_author_);
    if (!id) return id;
    if (authors_.size() >= kAuthorsRememberedMax) authors_.clear();
    authors_.emplace(bytes, *id);
    return id;
  }

  Result<std::int64_t> PathOf(const std::string& path) {
    if (const auto known = paths_.find(path); known != paths_.end()) return known->second;
    put_path_.Bind(repository_).Bind(Printable(path));
    auto id = IdOf(put_path_);
    if (!id) return id;
    if (paths_.size() >= kPathsRememberedMax) paths_.clear();
    paths_.emplace(path, *id);
    return id;
  }

  const std::int64_t repository_;
  Statement put_commit_;
  Statement put_author_;
  Statement put_path_;
  Statement put_change_;
  std::unordered_map<std::string, std::int64_t> authors_;
  std::unordered_map<std::string, std::int64_t> paths_;
};

Status InsightsStore::Add(std::int64_t repository, const std::vector<CommitFacts>& commits) {
  MutexLock lock(writer_->mutex);
  Transaction transaction(*writer_);
  {
    Adder adder(*writer_, repository);
    for (const CommitFacts& commit : commits) {
      if (auto added = adder.Add(commit); !added) return added;
    }
  }
  return transaction.Commit();
}

Result<std::vector<KnownCommit>> InsightsStore::Commits(std::int64_t repository) const {
  MutexLock lock(writer_->mutex);
  std::vector<KnownCommit> commits;
  Statement statement(*writer_, "SELECT oid, id, on_head FROM commit_rows WHERE repository_id = ?");
  statement.Bind(repository);
  auto read = statement.ForEachRow([&] {
    const auto oid = Oid::FromHex(statement.Text(0));
    if (oid) commits.push_back(KnownCommit{*oid, statement.Int(1), statement.Int(2) != 0});
  });
  if (!read) return std::move(read).error();
  return commits;
}

Result<std::vector<KnownAuthor>> InsightsStore::Authors(std::int64_t repository) const {
  MutexLock lock(writer_->mutex);
  std::vector<KnownAuthor> authors;
  Statement statement(*writer_, "SELECT id, identity FROM author_rows WHERE repository_id = ?");
  statement.Bind(repository);
  auto read = statement.ForEachRow([&] {
    authors.push_back(KnownAuthor{statement.Int(0), IdentityOf(statement.Text(1))});
  });
  if (!read) return std::move(read).error();
  return authors;
}

Status InsightsStore::SetHead(std::int64_t repository, const HeadChange& change) {
  MutexLock lock(writer_->mutex);
  Transaction transaction(*writer_);
  {
    Statement mark(*writer_, "UPDATE commit_rows SET on_head = ? WHERE id = ?");
    for (const bool on_head : {true, false}) {
      for (const std::int64_t id : on_head ? change.joined : change.left) {
        if (auto marked = mark.Bind(std::int64_t{on_head}).Bind(id).Run(); !marked) return marked;
        mark.Reset();
      }
    }
    Statement name(*writer_,
                   "UPDATE author_rows SET canonical_name = ?1, canonical_email = ?2 WHERE id = ?3 "
                   "AND (canonical_name <> ?1 OR canonical_email <> ?2)");
    for (const KnownAuthor& author : change.canonical) {
      name.Bind(Printable(author.identity.name)).Bind(Printable(author.identity.email));
      if (auto named = name.Bind(author.id).Run(); !named) return named;
      name.Reset();
    }
  }
  Status set =
      Statement(*writer_, "UPDATE repository_rows SET head = ?, computed_at = ? WHERE id = ?")
          .Bind(change.head)
          .Bind(change.computed_at.time_since_epoch().count() / 1000)
          .Bind(repository)
          .Run();
  if (!set) return set;
  return transaction.Commit();
}

Status InsightsStore::VisitCommits(std::int64_t repository,
                                   const std::function<void(const CommitRow&)>& visit) const {
  MutexLock lock(writer_->mutex);
  Statement statement(*writer_,
                      "SELECT id, author_id, authored_at, authored_offset, committed_at, parents, "
                      "added, deleted FROM commit_rows WHERE repository_id = ?");
  statement.Bind(repository);
  return statement.ForEachRow([&] {
    visit(CommitRow{statement.Int(0), statement.Int(1), statement.Int(2),
                    static_cast<int>(statement.Int(3)), statement.Int(4), statement.Int(5),
                    statement.Int(6), statement.Int(7)});
  });
}

Status InsightsStore::VisitChanges(std::int64_t repository,
                                   const std::function<void(const ChangeRow&)>& visit) const {
  MutexLock lock(writer_->mutex);
  Statement statement(*writer_,
                      "SELECT x.commit_id, x.path_id, x.added, x.deleted FROM commit_rows c "
                      "CROSS JOIN change_rows x ON x.commit_id = c.id WHERE c.repository_id = ?");
  statement.Bind(repository);
  return statement.ForEachRow([&] {
    visit(ChangeRow{statement.Int(0), statement.Int(1), statement.Int(2), statement.Int(3)});
  });
}

Result<std::string> InsightsStore::PathOf(std::int64_t path_id) const {
  MutexLock lock(writer_->mutex);
  Statement statement(*writer_, "SELECT path FROM path_rows WHERE id = ?");
  auto row = statement.Bind(path_id).Step();
  if (!row) return std::move(row).error();
  return *row ? statement.Text(0) : std::string();
}

Status InsightsStore::PutDocument(std::int64_t repository, const std::string& commit,
                                  const InsightsDocument& document) {
  MutexLock lock(writer_->mutex);
  Transaction transaction(*writer_);
  Status put = Statement(*writer_,
                         "INSERT OR REPLACE INTO document_rows(repository_id, oid, complete, "
                         "computed_at, json, html) VALUES(?, ?, ?, ?, ?, ?)")
                   .Bind(repository)
                   .Bind(commit)
                   .Bind(std::int64_t{document.complete})
                   .Bind(document.computed_at.time_since_epoch().count())
                   .Bind(document.json)
                   .Bind(document.html)
                   .Run();
  if (!put) return put;
  Status trimmed = Statement(*writer_,
                             "DELETE FROM document_rows WHERE repository_id = ?1 AND id NOT IN "
                             "(SELECT id FROM document_rows WHERE repository_id = ?1 "
                             "ORDER BY id DESC LIMIT ?2)")
                       .Bind(repository)
                       .Bind(std::int64_t{kDocumentsMax})
                       .Run();
  if (!trimmed) return trimmed;
  return transaction.Commit();
}

Result<InsightsDocumentPtr> InsightsStore::Document(std::int64_t repository, const std::string& key,
                                                    const std::string& commit) const {
  MutexLock lock(reader_->mutex);
  Statement statement(*reader_,
                      "SELECT d.complete, d.computed_at, d.json, d.html FROM document_rows d "
                      "JOIN repository_rows r ON r.id = d.repository_id "
                      "WHERE d.repository_id = ? AND d.oid = ? AND r.key = ?");
  auto row = statement.Bind(repository).Bind(commit).Bind(key).Step();
  if (!row) return std::move(row).error();
  if (!*row) return InsightsDocumentPtr();
  return std::make_shared<const InsightsDocument>(
      InsightsDocument{statement.Int(0) != 0, WallTime(std::chrono::milliseconds(statement.Int(1))),
                       statement.Text(2), statement.Text(3)});
}

Result<std::vector<std::int64_t>> InsightsStore::Repositories() const {
  MutexLock lock(reader_->mutex);
  std::vector<std::int64_t> ids;
  Statement statement(*reader_, "SELECT id FROM repository_rows");
  auto read = statement.ForEachRow([&] { ids.push_back(statement.Int(0)); });
  if (!read) return std::move(read).error();
  return ids;
}

Status InsightsStore::Forget(std::int64_t repository, const std::function<bool()>& keep_going) {
  while (keep_going()) {
    auto more = ForgetSome(repository);
    if (!more) return std::move(more).error();
    if (!*more) return {};
  }
  return {};
}

Result<bool> InsightsStore::ForgetSome(std::int64_t repository) {
  MutexLock lock(writer_->mutex);
  Transaction transaction(*writer_);
  const auto run = [&](const char* sql) REPOSFS_UNCHECKED {
    return Statement(*writer_, sql).Bind(repository).Bind(std::int64_t{kForgottenAtOnce}).Run();
  };
  // The document goes first: what is half gone is not shown.
  constexpr const char* kSome[] = {
      "DELETE FROM document_rows WHERE repository_id = ?1 AND ?2 > 0",
      "DELETE FROM change_rows WHERE commit_id IN "
      "(SELECT id FROM commit_rows WHERE repository_id = ?1 ORDER BY id LIMIT ?2)",
      "DELETE FROM commit_rows WHERE id IN "
      "(SELECT id FROM commit_rows WHERE repository_id = ?1 ORDER BY id LIMIT ?2)"};
  for (const char* sql : kSome) {
    if (auto done = run(sql); !done) return std::move(done).error();
  }
  Statement left(*writer_, "SELECT 1 FROM commit_rows WHERE repository_id = ? LIMIT 1");
  auto more = left.Bind(repository).Step();
  if (!more) return more;
  left.Reset();
  if (!*more) {
    constexpr const char* kRest[] = {"DELETE FROM path_rows WHERE repository_id = ?1 AND ?2 > 0",
                                     "DELETE FROM author_rows WHERE repository_id = ?1 AND ?2 > 0",
                                     "DELETE FROM repository_rows WHERE id = ?1 AND ?2 > 0"};
    for (const char* sql : kRest) {
      if (auto done = run(sql); !done) return std::move(done).error();
    }
  }
  if (auto committed = transaction.Commit(); !committed) return std::move(committed).error();
  return more;
}

}  // namespace reposfs
