// Whether two directories are the same to everyone who reads them.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace reposfs::testing {

struct CompareOptions {
  // Names in the topmost directory that are not looked at.
  std::set<std::string> ignore_at_top = {".git", ".insights.json", ".insights.html"};
  // Differences after this many are not looked for.
  std::size_t difference_count_max = 20;
};

struct Comparison {
  // One line each; empty if the trees are equal.
  std::vector<std::string> differences;
  std::size_t file_count = 0;
  std::size_t directory_count = 0;
  std::size_t link_count = 0;

  bool equal() const { return differences.empty(); }
};

// For failure messages.
std::ostream& operator<<(std::ostream& stream, const Comparison& comparison);

// Compares names, types, permission bits, sizes, content and link targets, all the way down.
Comparison CompareTrees(const std::filesystem::path& expected, const std::filesystem::path& actual,
                        const CompareOptions& options = {});

// Checks out `commit` of `repository` into the new directory `worktree`, as `git worktree add` does
// when no attribute converts content: the tree that a view must equal.
void AddWorktree(const std::filesystem::path& repository, const std::filesystem::path& worktree,
                 const std::string& commit);

}  // namespace reposfs::testing
