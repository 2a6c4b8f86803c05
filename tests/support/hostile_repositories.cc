#include "tests/support/hostile_repositories.h"

#include <cstdlib>

#include "tests/support/command.h"
#include "tests/support/repository_builder.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;

std::string HashObject(const fs::path& repository, const std::string& type,
                       std::string_view content) {
  RunOptions options;
  options.stdin_text = content;
  return Output(
      {"git", "-C", repository.string(), "hash-object", "-t", type, "-w", "--literally", "--stdin"},
      options);
}

std::string RawOid(const std::string& hex) {
  std::string raw;
  raw.reserve(hex.size() / 2);
  for (std::size_t at = 0; at < hex.size(); at += 2) {
    raw += static_cast<char>(std::strtoul(hex.substr(at, 2).c_str(), nullptr, 16));
  }
  return raw;
}

}  // namespace

std::string WriteBlob(const fs::path& repository, std::string_view content) {
  return HashObject(repository, "blob", content);
}

std::string WriteTree(const fs::path& repository, const std::vector<TreeEntry>& entries) {
  std::string tree;
  for (const TreeEntry& entry : entries) {
    tree += entry.mode + ' ' + entry.name + '\0' + RawOid(entry.oid);
  }
  return HashObject(repository, "tree", tree);
}

std::string CommitTree(const fs::path& repository, const std::string& tree) {
  const std::string commit =
      HashObject(repository, "commit",
                 "tree " + tree +
                     "\nauthor Eve <eve@example.org> 1700000000 +0000\n"
                     "committer Eve <eve@example.org> 1700000000 +0000\n\nhostile\n");
  Git(repository, {"update-ref", "refs/heads/main", commit});
  return commit;
}

std::vector<std::string> HarmfulNames() {
  return {
      ".git",
      ".GIT",
      ".Git",
      "git~1",
      "GIT~1",
      ".git ",
      ".git.",
      ".git . .",
      ".git::$INDEX_ALLOCATION",
      ".g\xe2\x80\x8cit",  // A zero-width non-joiner, which HFS+ ignores.
      ".",
      "..",
      "a/b",
      "../up",
      "/absolute",
      std::string(256, 'x'),
  };
}

std::string FillHarmfulNames(const fs::path& repository) {
  const std::string blob = WriteBlob(repository, "[core]\n\tfsmonitor = touch /tmp/never\n");
  const std::string directory = WriteTree(repository, {{"100644", "config", blob}});
  const std::string good = WriteBlob(repository, "good\n");
  const std::string good_directory =
      WriteTree(repository, {{"40000", ".git", directory}, {"100644", "inner", good}});
  std::vector<TreeEntry> entries;
  for (const std::string& name : HarmfulNames()) entries.push_back({"40000", name, directory});
  entries.push_back({"100644", "good", good});
  entries.push_back({"40000", "sub", good_directory});
  CommitTree(repository, WriteTree(repository, entries));
  return directory;
}

void FillEmptyName(const fs::path& repository) {
  const std::string blob = WriteBlob(repository, "nameless\n");
  CommitTree(repository, WriteTree(repository, {{"100644", "", blob}, {"100644", "good", blob}}));
}

void FillHarmfulModes(const fs::path& repository) {
  const std::string blob = WriteBlob(repository, "#!/bin/sh\nid -u\n");
  CommitTree(repository, WriteTree(repository, {{"104755", "setuid", blob},
                                                {"101644", "sticky", blob},
                                                {"100777", "world", blob}}));
}

void FillDuplicates(const fs::path& repository) {
  const std::string first = WriteBlob(repository, "first\n");
  const std::string second = WriteBlob(repository, "second\n");
  const std::string directory = WriteTree(repository, {{"100644", "inner", first}});
  CommitTree(repository, WriteTree(repository, {{"100644", "good", first},
                                                {"100644", "twice", first},
                                                {"100644", "twice", second},
                                                {"40000", "twice", directory}}));
}

void FillDeep(const fs::path& repository, int level_count) {
  std::string path;
  for (int level = 0; level < level_count; ++level) path += "d/";
  RepositoryBuilder(repository)
      .Commit("main", "deep\n", {File(path + "bottom", "bottom\n"), File("good", "good\n")});
}

void FillTreeBomb(const fs::path& repository) {
  constexpr int kLevels = 10;
  constexpr int kWidth = 10;
  std::string oid = WriteBlob(repository, "boom\n");
  std::string mode = "100644";
  for (int level = 0; level < kLevels; ++level) {
    std::vector<TreeEntry> entries;
    for (int entry = 0; entry < kWidth; ++entry) {
      entries.push_back({mode, "d" + std::to_string(entry), oid});
    }
    oid = WriteTree(repository, entries);
    mode = "40000";
  }
  CommitTree(repository, oid);
}

void FillBareLookalike(const fs::path& repository, const std::string& command) {
  RepositoryBuilder(repository)
      .Commit("main", "lookalike\n",
              {File("bare/HEAD", "ref: refs/heads/main\n"),
               File("bare/config",
                    "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
                    "\tworktree = .\n\tfsmonitor = \"" +
                        command + "\"\n"),
               File("bare/objects/info/keep", ""), File("bare/refs/heads/keep", ""),
               File("good", "good\n")});
}

void FillLongLinks(const fs::path& repository) {
  RepositoryBuilder(repository)
      .Commit("main", "links\n",
              {Symlink("fits", std::string(4095, 'a')), Symlink("over", std::string(4096, 'b')),
               Symlink("huge", std::string(100'000, 'c')), File("good", "good\n")});
}

}  // namespace reposfs::testing
