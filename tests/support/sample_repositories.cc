#include "tests/support/sample_repositories.h"

#include <map>
#include <random>

#include "tests/support/command.h"
#include "tests/support/hostile_repositories.h"
#include "tests/support/repository_builder.h"

namespace reposfs::testing {
namespace {

namespace fs = std::filesystem;

std::string RandomBytes(std::size_t size, std::mt19937_64& random) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

std::string SourceText(int file, int revision, std::size_t size) {
  std::string text = "// file " + std::to_string(file) + ", revision " + std::to_string(revision);
  for (int line = 0; text.size() < size; ++line) {
    text += "\nint value_" + std::to_string(file * 1000 + line) + " = " +
            std::to_string(line % 7 == 0 ? revision : line) + ";";
  }
  return text + "\n";
}

std::string PathOf(int file) {
  return "dir" + std::to_string(file % 10) + "/sub" + std::to_string(file % 3) + "/file" +
         std::to_string(file) + ".c";
}

std::vector<Change> OddNames() {
  return {
      File("latin1-\xe9t\xe9.txt", "latin1\n"),
      File("new\nline", "newline\n"),
      File("escape-\x1b[31mred", "escape\n"),
      File("tab\there", "tab\n"),
      File("trailing space ", "space\n"),
      File(" leading space", "space\n"),
      File("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/\xf0\x9f\x90\x99.txt", "unicode\n"),
      File("-rf", "dash\n"),
      File("back\\slash", "backslash\n"),
      File("quote\"'`$(x)", "quotes\n"),
      File("name@v1.0", "at\n"),
      File("percent%2Fslash", "percent\n"),
      File("Case", "upper\n"),
      File("case", "lower\n"),
      File("CASE/inner", "directory\n"),
      File(std::string(255, 'n'), "longest name\n"),
      File("...", "three dots\n"),
      File("..git", "not git\n"),
      File(".gitx/file", "not git either\n"),
      File(".github/workflows/ci.yaml", "on: push\n"),
  };
}

std::vector<Change> OddLinks() {
  return {
      Symlink("links/relative", "../plain.txt"),
      Symlink("links/dangling", "nowhere/at/all"),
      Symlink("links/absolute", "/etc/hostname"),
      Symlink("links/up", "../../../../../../etc/passwd"),
      Symlink("links/self", "self"),
      Symlink("links/directory", "../CASE"),
      Symlink("links/long", std::string(4095, 'l')),
      Symlink("links/bytes", "\xff\xfe\n target"),
  };
}

std::vector<Change> OddContents() {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  return {
      File("plain.txt", "plain\n"),
      File("empty", ""),
      File("no-newline", "no newline at the end"),
      File("binary.bin", all_bytes + all_bytes),
      Executable("bin/run", "#!/bin/sh\necho ran\n"),
      Executable("bin/empty-executable", ""),
      File(".gitattributes",
           "*.crlf text eol=crlf\n*.auto text=auto\n*.id ident\nsecret export-ignore\n"
           "*.utf16 working-tree-encoding=UTF-16\n*.lfs filter=lfs diff=lfs merge=lfs -text\n"),
      File("mixed.crlf", "one\ntwo\n"),
      File("stored.auto", "one\r\ntwo\r\n"),
      File("keyword.id", "$Id$\n"),
      File("secret", "not exported, but checked out\n"),
      File("pointer.lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:" +
                              std::string(64, '0') + "\nsize 12345\n"),
      File(".gitmodules",
           "[submodule \"module\"]\n\tpath = vendor/module\n\turl = ../module.git\n"),
      Submodule("vendor/module", std::string(40, '1')),
      File(".gitignore", "ignored\n*.o\n"),
      File("tracked.o", "tracked though ignored\n"),
  };
}

std::string DeepPath() {
  std::string path = "deep";
  for (int level = 0; level < 100; ++level)
    path += "/level-of-a-deep-path-" + std::to_string(level);
  return path + "/bottom";
}

}  // namespace

void FillSmall(const fs::path& repository) {
  RepositoryBuilder builder(repository);
  const auto first =
      builder.Commit("main", "first\n",
                     {File("README.md", "one\n"), File("src/main.c", "int main;\n"),
                      File("src/util.c", "int util;\n"), Executable("run.sh", "#!/bin/sh\n")});
  builder.AnnotatedTag("v1.0", first, "version 1.0\n");
  builder.Branch("old", first);
  builder.Branch("topic/one", first);
  const auto topic = builder.Commit("topic/one", "on the topic\n", {File("topic", "topic\n")});
  const auto second = builder.Commit("main", "second\n", {File("README.md", "two\n")});
  builder.LightTag("v1.1", second);
  builder.Commit("main", "third\n", {File("README.md", "hello\n"), File("docs/a.md", "a\n")});
  builder.Merge("main", topic, "Merge topic/one\n");
}

void FillWith(const fs::path& repository, const std::string& text) {
  RepositoryBuilder(repository).Commit("main", "content\n", {File("file", text)});
}

std::string AddCommit(const fs::path& repository, const std::string& branch,
                      const std::string& text) {
  {
    RepositoryBuilder builder(repository);
    builder.SetTime(1'800'000'000);
    builder.Commit(branch, "set file to " + text + "\n", {File("file", text)});
  }
  return Git(repository, {"rev-parse", "refs/heads/" + branch});
}

void FillHistory(const fs::path& repository, const HistoryOptions& options) {
  RepositoryBuilder builder(repository);
  std::vector<Change> all;
  for (int file = 0; file < options.file_count; ++file) {
    all.push_back(File(PathOf(file), SourceText(file, 0, options.file_bytes)));
  }
  auto last = builder.Commit("main", "initial\n", all);
  for (int commit = 1; commit < options.commit_count; ++commit) {
    std::vector<Change> changes;
    for (int change = 0; change < 3; ++change) {
      const int file = (commit * 7 + change * 31) % options.file_count;
      changes.push_back(File(PathOf(file), SourceText(file, commit, options.file_bytes)));
    }
    last = builder.Commit("main", "commit " + std::to_string(commit) + "\n", changes);
    if (commit % 50 == 0) {
      builder.AnnotatedTag("v0." + std::to_string(commit / 50), last, "a release\n");
    }
  }
  builder.Branch("release", last);
}

void FillRandom(const fs::path& repository, std::uint64_t size_bytes, unsigned seed) {
  constexpr std::uint64_t kFileBytes = 64 << 10;
  constexpr std::uint64_t kFilesPerDirectory = 8;
  std::mt19937_64 random(seed);
  RepositoryBuilder builder(repository);
  std::map<std::string, RepositoryBuilder::Mark> blobs;
  for (std::uint64_t done = 0; done < size_bytes; done += kFileBytes) {
    const std::uint64_t file = done / kFileBytes;
    const std::string path =
        (file < kFilesPerDirectory ? "data/"
                                   : "more/" + std::to_string(file / kFilesPerDirectory) + "/") +
        std::to_string(file);
    blobs[path] = builder.Blob(RandomBytes(kFileBytes, random));
  }
  blobs["file"] = builder.Blob("seed " + std::to_string(seed) + "\n");
  builder.CommitBlobs("main", "random\n", blobs);
}

void FillOddities(const fs::path& repository) {
  RepositoryBuilder builder(repository);
  builder.Commit("main", "contents\n", OddContents());
  builder.Commit("main", "names\n", OddNames());
  builder.Commit("main", "links\n", OddLinks());
  builder.Commit("main", "deep\n", {File(DeepPath(), "bottom\n")});
  builder.Commit("main", "a mode that changes\n",
                 {Executable("plain.txt", "plain\n"), File("was-a-link", "a file now\n")});
  const auto last = builder.Commit("main", "sixth\n", {File("sixth", "six\n")});
  builder.AnnotatedTag("odd\xc3\xa9", last, "a tag beyond ASCII\n");
}

void FillLargeFile(const fs::path& repository) {
  RepositoryBuilder builder(repository);
  const auto large = builder.LargeBlob(kLargeFileBytes);
  const auto small = builder.Blob("small\n");
  builder.CommitBlobs("main", "large\n", {{"large.txt", large}, {"small.txt", small}});
}

void FillWide(const fs::path& repository, int entry_count) {
  // fast-import looks names up one by one, which takes hours for a million of them.
  std::vector<std::string> contents;
  for (int content = 0; content < 100; ++content) {
    contents.push_back(WriteBlob(repository, "content " + std::to_string(content) + "\n"));
  }
  std::vector<TreeEntry> entries;
  for (int entry = 0; entry < entry_count; ++entry) {
    std::string digits = std::to_string(entry);
    digits.insert(0, 7 - digits.size(), '0');
    entries.push_back(
        {"100644", "entry-" + digits, contents[static_cast<std::size_t>(entry) % contents.size()]});
  }
  const std::string wide = WriteTree(repository, entries);
  CommitTree(repository, WriteTree(repository, {{"40000", "wide", wide}}));
}

}  // namespace reposfs::testing
