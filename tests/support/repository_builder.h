// Makes git repositories, the same ones every time, through `git fast-import`.
//
// The dates, names and therefore object ids depend on nothing but the calls made.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace reposfs::testing {

// One path in a commit.
struct Change {
  std::string mode;  // "100644", "100755", "120000", "160000", or "D" to delete.
  std::string path;
  std::string content;  // A blob's bytes, a link's target, a submodule's commit.
};

Change File(std::string path, std::string content);
Change Executable(std::string path, std::string content);
Change Symlink(std::string path, std::string target);
Change Submodule(std::string path, std::string commit);
Change Delete(std::string path);

class RepositoryBuilder {
 public:
  using Mark = int;

  // Adds to the bare repository `repository`, which must exist.
  explicit RepositoryBuilder(const std::filesystem::path& repository);
  // Finishes, if Finish() was not called.
  ~RepositoryBuilder();

  // Each commit is one minute later than the one before; the first of a builder begins at
  // `seconds`.
  void SetTime(std::int64_t seconds) { time_ = seconds; }

  // Who writes the next commits: "Name <email>", any bytes but NUL and newline; and where.
  void SetAuthor(std::string author, std::string offset = "+0100") {
    author_ = std::move(author);
    offset_ = std::move(offset);
  }

  // Adds to `branch`, which goes on from this builder's last commit to it, or from the
  // repository's, or begins anew.
  Mark Commit(const std::string& branch, std::string_view message,
              const std::vector<Change>& changes);
  Mark Merge(const std::string& branch, Mark other, std::string_view message);
  void Branch(const std::string& branch, Mark commit);
  void LightTag(const std::string& tag, Mark commit);
  void AnnotatedTag(const std::string& tag, Mark commit, std::string_view message);

  // A blob of `size_bytes` of lines that can be told apart, written in pieces.  Its mark can be
  // used in CommitBlobs().
  Mark LargeBlob(std::uint64_t size_bytes);
  Mark Blob(std::string_view content);
  // One commit that puts marked blobs at paths.
  Mark CommitBlobs(const std::string& branch, std::string_view message,
                   const std::map<std::string, Mark>& blobs);

  // Waits until everything is in the repository.
  void Finish();

 private:
  struct ClosePipe {
    void operator()(std::FILE* stream) const noexcept { ::pclose(stream); }
  };

  void Put(std::string_view text);
  void PutData(std::string_view bytes);
  void PutPerson(std::string_view role);
  Mark BeginCommit(const std::string& branch, std::string_view message);

  std::filesystem::path repository_;
  std::unique_ptr<std::FILE, ClosePipe> stream_;
  std::map<std::string, Mark> branch_heads_;
  Mark next_mark_ = 1;
  std::int64_t time_ = 1'700'000'000;
  std::string author_ = "Ada Example <ada@example.org>";
  std::string offset_ = "+0100";
};

}  // namespace reposfs::testing
