#include "tests/support/repository_builder.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "tests/support/command.h"

namespace reposfs::testing {
namespace {

// A path as fast-import reads it, whatever bytes it has.
std::string Quoted(std::string_view path) {
  std::string quoted = "\"";
  for (const char c : path) {
    std::array<char, 8> octal;
    std::snprintf(octal.data(), octal.size(), "\\%03o", static_cast<unsigned char>(c));
    quoted += octal.data();
  }
  return quoted + "\"";
}

}  // namespace

Change File(std::string path, std::string content) {
  return Change{"100644", std::move(path), std::move(content)};
}

Change Executable(std::string path, std::string content) {
  return Change{"100755", std::move(path), std::move(content)};
}

Change Symlink(std::string path, std::string target) {
  return Change{"120000", std::move(path), std::move(target)};
}

Change Submodule(std::string path, std::string commit) {
  return Change{"160000", std::move(path), std::move(commit)};
}

Change Delete(std::string path) {
  return Change{"D", std::move(path), {}};
}

RepositoryBuilder::RepositoryBuilder(const std::filesystem::path& repository)
    : repository_(repository) {
  const std::string command = "git -C '" + repository.string() +
                              "' -c fastimport.unpackLimit=1 fast-import --quiet --force --done";
  stream_.reset(::popen(command.c_str(), "we"));
  if (!stream_) std::abort();
}

RepositoryBuilder::~RepositoryBuilder() {
  Finish();
}

void RepositoryBuilder::Put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream_.get());
}

void RepositoryBuilder::PutData(std::string_view bytes) {
  Put("data " + std::to_string(bytes.size()) + "\n");
  Put(bytes);
  Put("\n");
}

void RepositoryBuilder::PutPerson(std::string_view role) {
  Put(std::string(role) + " " + author_ + " " + std::to_string(time_) + " " + offset_ + "\n");
}

RepositoryBuilder::Mark RepositoryBuilder::BeginCommit(const std::string& branch,
                                                       std::string_view message) {
  const std::string ref = "refs/heads/" + branch;
  const Mark mark = next_mark_++;
  Put("commit " + ref + "\nmark :" + std::to_string(mark) + "\n");
  PutPerson("author");
  PutPerson("committer");
  PutData(message);
  const auto head = branch_heads_.find(branch);
  if (head != branch_heads_.end()) {
    Put("from :" + std::to_string(head->second) + "\n");
  } else if (Execute({"git", "-C", repository_.string(), "rev-parse", "-q", "--verify", ref})
                 .ok()) {
    Put("from " + ref + "^0\n");
  }
  branch_heads_[branch] = mark;
  time_ += 60;
  return mark;
}

RepositoryBuilder::Mark RepositoryBuilder::Commit(const std::string& branch,
                                                  std::string_view message,
                                                  const std::vector<Change>& changes) {
  const Mark mark = BeginCommit(branch, message);
  for (const Change& change : changes) {
    if (change.mode == "D") {
      Put("D " + Quoted(change.path) + "\n");
    } else if (change.mode == "160000") {
      Put("M 160000 " + change.content + " " + Quoted(change.path) + "\n");
    } else {
      Put("M " + change.mode + " inline " + Quoted(change.path) + "\n");
      PutData(change.content);
    }
  }
  return mark;
}

RepositoryBuilder::Mark RepositoryBuilder::Merge(const std::string& branch, Mark other,
                                                 std::string_view message) {
  const Mark mark = BeginCommit(branch, message);
  Put("merge :" + std::to_string(other) + "\n");
  return mark;
}

void RepositoryBuilder::Branch(const std::string& branch, Mark commit) {
  Put("reset refs/heads/" + branch + "\nfrom :" + std::to_string(commit) + "\n\n");
  branch_heads_[branch] = commit;
}

void RepositoryBuilder::LightTag(const std::string& tag, Mark commit) {
  Put("reset refs/tags/" + tag + "\nfrom :" + std::to_string(commit) + "\n\n");
}

void RepositoryBuilder::AnnotatedTag(const std::string& tag, Mark commit,
                                     std::string_view message) {
  Put("tag " + tag + "\nfrom :" + std::to_string(commit) + "\n");
  PutPerson("tagger");
  PutData(message);
}

RepositoryBuilder::Mark RepositoryBuilder::Blob(std::string_view content) {
  const Mark mark = next_mark_++;
  Put("blob\nmark :" + std::to_string(mark) + "\n");
  PutData(content);
  return mark;
}

RepositoryBuilder::Mark RepositoryBuilder::LargeBlob(std::uint64_t size_bytes) {
  constexpr std::uint64_t kLine = 32;
  const Mark mark = next_mark_++;
  Put("blob\nmark :" + std::to_string(mark) + "\ndata " + std::to_string(size_bytes) + "\n");
  for (std::uint64_t offset = 0; offset < size_bytes; offset += kLine) {
    std::array<char, kLine + 1> line;
    std::snprintf(line.data(), line.size(), "%031llu\n", static_cast<unsigned long long>(offset));
    Put(std::string_view(line.data(), std::min(kLine, size_bytes - offset)));
  }
  Put("\n");
  return mark;
}

RepositoryBuilder::Mark RepositoryBuilder::CommitBlobs(const std::string& branch,
                                                       std::string_view message,
                                                       const std::map<std::string, Mark>& blobs) {
  const Mark mark = BeginCommit(branch, message);
  for (const auto& [path, blob] : blobs) {
    Put("M 100644 :" + std::to_string(blob) + " " + Quoted(path) + "\n");
  }
  return mark;
}

void RepositoryBuilder::Finish() {
  if (!stream_) return;
  Put("done\n");
  stream_.reset();
}

}  // namespace reposfs::testing
