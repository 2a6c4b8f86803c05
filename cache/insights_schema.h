// The tables of `insights.db`, and the views over them that people and `reposfs insights --sql`
// ask.
//
// The views are the interface: they show each repository as its default branch is, once computed.
// The tables behind them also hold what other refs and rewritten branches have had; rows of commits
// never change, so a new head only adds some.
//
//   repositories(id, repository, head, computed_at)
//   authors(id, repository_id, repository, name, email, name_in_commits, email_in_commits)
//   commits(id, repository_id, repository, oid, author_id, authored_at, authored_offset,
//           committed_at, parents, added, deleted, files, subject)
//   changes(commit_id, repository_id, repository, path, added, deleted)
//
// `repository` is the key, host/owner/name.  Times are seconds since the epoch, offsets minutes
// east of UTC.  `name` and `email` are as the `.mailmap` of the head says.  `added` and `deleted`
// are lines, null in `changes` for a binary file.  Of a commit `changes` holds at most 10,000
// files, and no renamed file's old path.  Control characters and bytes that are not UTF-8 are
// written as \xNN.
//
// A database of another version is dropped and made again: all of it can be computed.
#pragma once

namespace reposfs {

inline constexpr int kInsightsSchemaVersion = 1;

inline constexpr char kInsightsSchema[] = R"sql(
CREATE TABLE repository_rows(
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  head TEXT NOT NULL DEFAULT '',
  computed_at INTEGER NOT NULL DEFAULT 0);
CREATE TABLE author_rows(
  id INTEGER PRIMARY KEY,
  repository_id INTEGER NOT NULL,
  identity BLOB NOT NULL,
  name TEXT NOT NULL,
  email TEXT NOT NULL,
  canonical_name TEXT NOT NULL,
  canonical_email TEXT NOT NULL,
  UNIQUE(repository_id, identity));
CREATE TABLE commit_rows(
  id INTEGER PRIMARY KEY,
  repository_id INTEGER NOT NULL,
  oid TEXT NOT NULL,
  on_head INTEGER NOT NULL DEFAULT 0,
  author_id INTEGER NOT NULL,
  authored_at INTEGER NOT NULL,
  authored_offset INTEGER NOT NULL,
  committed_at INTEGER NOT NULL,
  parents INTEGER NOT NULL,
  added INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  files INTEGER NOT NULL,
  subject TEXT NOT NULL,
  UNIQUE(repository_id, oid));
CREATE TABLE path_rows(
  id INTEGER PRIMARY KEY,
  repository_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  UNIQUE(repository_id, path));
CREATE TABLE change_rows(
  commit_id INTEGER NOT NULL,
  path_id INTEGER NOT NULL,
  added INTEGER,
  deleted INTEGER,
  PRIMARY KEY(commit_id, path_id)) WITHOUT ROWID;
CREATE TABLE document_rows(
  id INTEGER PRIMARY KEY,
  repository_id INTEGER NOT NULL,
  oid TEXT NOT NULL,
  complete INTEGER NOT NULL,
  computed_at INTEGER NOT NULL,
  json TEXT NOT NULL,
  html TEXT NOT NULL,
  UNIQUE(repository_id, oid));

CREATE VIEW repositories AS
  SELECT id, key AS repository, head, computed_at FROM repository_rows;
CREATE VIEW authors AS
  SELECT a.id, a.repository_id, r.key AS repository, a.canonical_name AS name,
         a.canonical_email AS email, a.name AS name_in_commits, a.email AS email_in_commits
  FROM author_rows a JOIN repository_rows r ON r.id = a.repository_id;
CREATE VIEW commits AS
  SELECT c.id, c.repository_id, r.key AS repository, c.oid, c.author_id, c.authored_at,
         c.authored_offset, c.committed_at, c.parents, c.added, c.deleted, c.files, c.subject
  FROM commit_rows c JOIN repository_rows r ON r.id = c.repository_id WHERE c.on_head = 1;
CREATE VIEW changes AS
  SELECT x.commit_id, c.repository_id, r.key AS repository, p.path, x.added, x.deleted
  FROM commit_rows c JOIN repository_rows r ON r.id = c.repository_id
  JOIN change_rows x ON x.commit_id = c.id JOIN path_rows p ON p.id = x.path_id
  WHERE c.on_head = 1;
)sql";

}  // namespace reposfs
