// Understands what `git log --numstat -z` says, as it arrives.
//
// Format: with kLogFormat and --date=raw, a commit is seven tokens that NUL ends, the first of
// which begins with 'c'.  A line of numbers follows for each changed file,
// "<added>\t<deleted>\t<path>" and NUL; of a renamed one the path is empty, and two tokens follow,
// the old path and the new one.  git writes a newline before the first of these lines.  So what a
// commit, a person or a file is called can't be mistaken for anything else: no name has a NUL.
//
// Thread-safety: none; a parser belongs to one child's output.
//
// Invariants:
//   (1) At most kTokenMaxBytes of a token, and kListedFilesMax files of a commit, are kept.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cache/commit_facts.h"

namespace reposfs {

class NumstatParser {
 public:
  static constexpr char kLogFormat[] = "--format=c%H%x00%P%x00%an%x00%ae%x00%ad%x00%ct%x00%s";
  static constexpr std::size_t kTokenMaxBytes = 4096;
  static constexpr std::size_t kNameMaxBytes = 512;  // Of a person.
  static constexpr std::size_t kSubjectMaxBytes = 256;
  static constexpr std::size_t kListedFilesMax = 10'000;

  // `on_commit` is given each commit when all of it has been read.
  explicit NumstatParser(std::function<Status(CommitFacts)> on_commit)
      : on_commit_(std::move(on_commit)) {}

  // Errors: kCorrupt if this is no such output; those of `on_commit`.
  Status Feed(std::string_view bytes);
  Status Finish();

 private:
  enum class Expected {
    kCommit,
    kParents,
    kName,
    kEmail,
    kAuthored,
    kCommitted,
    kSubject,
    kAny,
    kOldPath,
    kNewPath
  };

  Status TakeToken();
  Status TakeCommitOrFile();
  Status BeginCommit(std::string_view token);
  Status TakeNumbers(std::string_view token);
  void AddFile(std::string_view path);
  Status Deliver();

  const std::function<Status(CommitFacts)> on_commit_;
  Expected expected_ = Expected::kCommit;
  std::string token_;
  std::size_t token_size_bytes_ = 0;  // Also of what was not kept.
  CommitFacts commit_;
  bool has_commit_ = false;
  FileChange file_;
};

}  // namespace reposfs
