// One repository's directory on the disk, and how new objects get into it.
//
//   repos/<id>/objects/pack/   packs, the only place where objects are; cache/pack_sizes.h
//             /objects/info/commit-graph
//             /shallow         commits whose parents are not here, as in git
//             /refs            the RefSnapshot that is shown
//
// It is deliberately not a repository that git would recognise: nothing but this program writes to
// it, and git only ever works in a Staging that borrows its objects.
//
// Thread-safety: reading from any thread; Adopt() and the setters by one thread at a time for each
// repository.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "cache/oid.h"
#include "cache/refs.h"

namespace reposfs {

class Staging;

struct StoredFile {
  std::string name;  // "pack-<hash>.pack", ".rev", ".idx", or ".sizes", which is not git's
  std::uint64_t size_bytes;
};

class StoreDirectory {
 public:
  explicit StoreDirectory(const std::filesystem::path& path) : path_(path.string()) {}

  std::filesystem::path path() const { return path_; }
  std::filesystem::path objects() const { return path() / "objects"; }
  std::filesystem::path packs() const { return path() / "objects" / "pack"; }
  std::filesystem::path commit_graph() const {
    return path() / "objects" / "info" / "commit-graph";
  }

  Status Create() const;

  // Complete packs only, in the order of their names: a pack is complete once its .idx is there.
  std::vector<StoredFile> PackFiles() const;
  std::vector<std::string> PackStems() const;  // Their names without suffix.

  std::set<Oid> Shallow() const;
  Result<RefSnapshot> Refs() const;
  Status SetRefs(const RefSnapshot& refs) const;

  // Moves what `staging` received in here, then applies what changed in its `shallow`, then removes
  // the packs it replaces, if any, after a call of `before_removal`.  Each step can be repeated:
  // after a crash, calling this again finishes.
  Status Adopt(
      const Staging& staging, const std::function<void()>& before_removal = [] {}) const;

  std::uint64_t SizeBytes() const;

 private:
  Status AdoptPacks(const Staging& staging) const;
  Status AddShallow(const Staging& staging) const;
  Status RemoveShallow(const Staging& staging) const;
  Status SetShallow(const std::set<Oid>& commits) const;

  // As text: there are ten thousand of these, and a std::filesystem::path keeps each of its parts
  // on the heap.
  const std::string path_;
};

// `shallow` files are lines of hexadecimal ids; a missing one is empty.
std::set<Oid> ReadShallowFile(const std::filesystem::path& path);
std::string SerializeShallow(const std::set<Oid>& commits);

}  // namespace reposfs
