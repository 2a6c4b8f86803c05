// What a user may decide about the cache, as plain values.
//
// The configuration file fills these in (daemon/config.h); tests fill them in by hand.  Each struct
// belongs to the class that takes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cache/job_kind.h"

namespace reposfs {

using std::chrono::milliseconds;

// A number of bytes, or a share of the file system that holds the cache.
struct Quota {
  std::uint64_t bytes = 100ull << 30;
  // If set, `bytes` is ignored and the quota is this share of the file system, 1..100.
  std::optional<int> percent;
};

struct CacheOptions {
  std::filesystem::path directory = "/var/cache/reposfs";
  Quota quota;
  // Repository keys or URLs; `*` and `?` match as in a shell, `*` not across '/'.
  std::vector<std::string> never_evict;
  // A file with more of them, one a line; empty for none.
  std::filesystem::path never_evict_file;
  // One just fetched is not evicted for this long, unless nothing else is left.
  milliseconds min_residency = std::chrono::seconds(60);
};

// One git host, `hosts.<name>` in the configuration.
struct HostOptions {
  // Where its repositories are fetched from; {owner} and {name} are replaced.  Schemes: https,
  // http, ssh, git, file.
  std::string url;
  // Whether github.com/Git/Git and github.com/git/git are the same repository there.
  bool case_insensitive = false;
  int max_concurrent_fetches = 8;
  // No more requests than this in any minute; 0 is no limit.
  int requests_per_minute = 0;
  // A file in the format of git's `store` credential helper; empty for git's own configuration.
  std::filesystem::path credentials_file;
  // A file with a private key for ssh; empty for the agent and ssh's own configuration.
  std::filesystem::path ssh_key_file;
};

enum class FreshnessMode { kBackground, kStrict };

struct FreshnessOptions {
  milliseconds max_age = std::chrono::seconds(60);
  FreshnessMode mode = FreshnessMode::kBackground;
  // How long a lookup waits for the host's word.
  milliseconds timeout = std::chrono::seconds(2);
  // How long "there is no such repository" is believed.
  milliseconds negative_ttl = std::chrono::seconds(60);
  // Only repositories opened within this time are refreshed between accesses.
  milliseconds active_for = std::chrono::hours(24 * 7);
};

enum class HistoryPolicy { kComplete, kLazy, kNone };

struct HistoryOptions {
  HistoryPolicy policy = HistoryPolicy::kComplete;
  // The first pattern that matches a key decides instead of `policy`.
  std::vector<std::pair<std::string, HistoryPolicy>> per_pattern;
};

// Who talks to upstreams.
enum class FetchClient {
  kAuto,  // This program, and the git command where only git can.
  kGit,   // The git command.
};

// Limits of transfers and their child processes, and of those who wait for them.
struct FetchOptions {
  FetchClient client = FetchClient::kAuto;
  // A waiting request fails when what it waits for has made no progress for this long.
  milliseconds request_timeout = std::chrono::seconds(60);
  // A transfer that brings no byte for this long is ended.
  milliseconds stall_timeout = std::chrono::seconds(30);
  // No transfer may take longer.
  milliseconds total_timeout = std::chrono::hours(6);
  // Private memory of one git process (RLIMIT_DATA).
  std::uint64_t memory_bytes = 4ull << 30;
  // Transfers at the same time over all hosts.
  int concurrency = 32;
};

struct JobOptions {
  // What this process runs; housekeeping of the queue comes on top.
  std::vector<JobKind> kinds{kAllJobKinds.begin(), kAllJobKinds.end()};
  // A process that has given no sign of life for this long loses the jobs that it runs.
  milliseconds lease = std::chrono::seconds(30);
};

struct LruOptions {
  // A walk through a repository refreshes its last-opened time at most this much late; one that
  // stays below its root, by relative paths or open directories, at most six times as much.
  milliseconds granularity = std::chrono::seconds(10);
};

struct LookupOptions {
  // Names that tools probe for while they walk up; never asked of a host.
  std::vector<std::string> ignore = {".git",
                                     ".hg",
                                     ".svn",
                                     ".bzr",
                                     "_darcs",
                                     ".jj",
                                     ".sl",
                                     "CVS",
                                     "HEAD",
                                     "node_modules",
                                     "package.json",
                                     ".editorconfig",
                                     ".envrc",
                                     ".gitignore",
                                     ".gitattributes",
                                     ".gitmodules",
                                     ".ignore",
                                     ".rgignore",
                                     ".fdignore",
                                     ".npmrc",
                                     ".nvmrc",
                                     ".node-version",
                                     ".python-version",
                                     ".ruby-version",
                                     ".tool-versions",
                                     ".vscode",
                                     ".idea",
                                     ".vimrc",
                                     ".exrc",
                                     ".nvim.lua",
                                     ".clang-format",
                                     ".clang-tidy",
                                     ".clangd",
                                     "compile_commands.json",
                                     "compile_flags.txt",
                                     "tsconfig.json",
                                     "jsconfig.json",
                                     "pyproject.toml",
                                     "setup.py",
                                     "setup.cfg",
                                     "tox.ini",
                                     "Pipfile",
                                     "poetry.lock",
                                     "Cargo.toml",
                                     "Cargo.lock",
                                     "go.mod",
                                     "go.work",
                                     "Makefile",
                                     "CMakeLists.txt",
                                     "Gemfile",
                                     "Rakefile",
                                     ".yarnrc",
                                     ".yarnrc.yml",
                                     "pnpm-workspace.yaml",
                                     "lerna.json",
                                     ".prettierrc",
                                     ".eslintrc",
                                     ".eslintrc.json",
                                     ".projectile",
                                     ".dir-locals.el",
                                     "tags",
                                     "TAGS",
                                     "autorun.inf",
                                     ".Trash",
                                     ".Trash-0",
                                     ".Trash-1000",
                                     ".DS_Store",
                                     ".hidden",
                                     ".directory",
                                     "desktop.ini",
                                     "Thumbs.db",
                                     ".xdg-volume-info",
                                     ".fseventsd",
                                     ".Spotlight-V100"};
};

}  // namespace reposfs
