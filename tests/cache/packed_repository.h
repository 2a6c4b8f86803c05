// A repository made with git, and a directory of packs made of it: what ObjectStore and
// StoreDirectory are about.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/text.h"
#include "cache/oid.h"
#include "tests/support/command.h"
#include "tests/support/repository_builder.h"
#include "tests/support/temp_dir.h"

namespace reposfs {

inline Oid OidOf(const std::string& hex) {
  const auto oid = Oid::FromHex(hex);
  if (!oid) throw std::runtime_error("not an object id: " + hex);
  return *oid;
}

// What git finds below the refs of `repository`.
inline std::vector<Oid> ObjectsBelowRefs(const std::filesystem::path& repository) {
  const std::string lines =
      testing::Git(repository, {"rev-list", "--all", "--objects", "--no-object-names"});
  std::vector<Oid> ids;
  for (const std::string_view line : Split(lines, '\n')) ids.push_back(OidOf(std::string(line)));
  return ids;
}

class PackedRepository {
 public:
  explicit PackedRepository(std::filesystem::path path) : path_(std::move(path)) {
    testing::Output({"git", "init", "-q", "--bare", "--initial-branch=main", path_.string()});
  }

  const std::filesystem::path& path() const { return path_; }

  Oid Commit(const std::string& message, const std::vector<testing::Change>& changes) {
    testing::RepositoryBuilder builder(path_);
    builder.Commit("main", message, changes);
    builder.Finish();
    return Find("main");
  }

  Oid Find(const std::string& revision) const {
    return OidOf(testing::Git(path_, {"rev-parse", revision}));
  }

  // Writes a pack with the objects that `revisions` (as for `git rev-list --objects`) name into
  // `directory`; returns its name without a suffix.
  std::string Pack(const std::filesystem::path& directory, const std::string& revisions) const {
    std::filesystem::create_directories(directory);
    testing::RunOptions options;
    options.directory = path_;
    const auto packed =
        testing::Sh("git rev-list --objects " + revisions + " | git pack-objects -q '" +
                        (directory / "pack").string() + "'",
                    options);
    if (!packed.ok()) throw std::runtime_error(packed.err);
    return "pack-" + packed.out.substr(0, packed.out.find('\n'));
  }

 private:
  const std::filesystem::path path_;
};

}  // namespace reposfs
