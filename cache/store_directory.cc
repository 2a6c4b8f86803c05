#include "cache/store_directory.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/file_util.h"
#include "base/text.h"
#include "cache/pack_sizes.h"
#include "cache/staging.h"

namespace reposfs {
namespace {

namespace stdfs = std::filesystem;

// In this order a pack appears whole: readers look for the .idx.
constexpr std::array<std::string_view, 4> kPackSuffixes = {".pack", ".rev", kPackSizesSuffix,
                                                           ".idx"};
constexpr std::array<std::string_view, 4> kSuffixesByName = {".idx", ".pack", ".rev",
                                                             kPackSizesSuffix};

bool Exists(const stdfs::path& path) {
  std::error_code error;
  return stdfs::exists(path, error);
}

// The names, without suffix, of the packs in `directory` that have a file with `suffix`.
std::vector<std::string> Stems(const stdfs::path& directory, std::string_view suffix) {
  std::vector<std::string> stems;
  std::error_code error;
  for (const auto& entry : stdfs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("pack-") && name.ends_with(suffix)) {
      stems.push_back(name.substr(0, name.size() - suffix.size()));
    }
  }
  std::sort(stems.begin(), stems.end());
  return stems;
}

Status MoveIfThere(const stdfs::path& from, const stdfs::path& to) {
  if (!Exists(from)) return {};
  return Rename(from, to);
}

}  // namespace

Status StoreDirectory::Create() const {
  if (auto made = MakeDirectories(packs()); !made) return made;
  return MakeDirectories(objects() / "info");
}

std::vector<StoredFile> StoreDirectory::PackFiles() const {
  std::vector<StoredFile> files;
  for (const std::string& stem : PackStems()) {
    for (const std::string_view suffix : kSuffixesByName) {
      const std::string name = stem + std::string(suffix);
      struct stat info {};
      if (::stat((packs() / name).c_str(), &info) != 0) continue;
      files.push_back(StoredFile{name, static_cast<std::uint64_t>(info.st_size)});
    }
  }
  return files;
}

std::vector<std::string> StoreDirectory::PackStems() const {
  return Stems(packs(), ".idx");
}

std::set<Oid> StoreDirectory::Shallow() const {
  return ReadShallowFile(path() / "shallow");
}

Result<RefSnapshot> StoreDirectory::Refs() const {
  auto text = ReadFile(path() / "refs");
  if (!text) return std::move(text).error();
  return RefSnapshot::Parse(*text);
}

Status StoreDirectory::SetRefs(const RefSnapshot& refs) const {
  return WriteFileAtomically(path() / "refs", refs.Serialize());
}

Status StoreDirectory::Adopt(const Staging& staging,
                             const std::function<void()>& before_removal) const {
  // A commit is never here without its parents being here or it being called shallow.
  if (auto added = AddShallow(staging); !added) return added;
  if (auto adopted = AdoptPacks(staging); !adopted) return adopted;
  if (auto removed = RemoveShallow(staging); !removed) return removed;
  const std::vector<std::string> replaced = staging.replaced();
  if (!replaced.empty()) before_removal();
  for (const std::string& name : replaced) {
    if (auto removed = RemoveTree(packs() / name); !removed) return removed;
  }
  return {};
}

Status StoreDirectory::AdoptPacks(const Staging& staging) const {
  const stdfs::path from = staging.path() / "objects" / "pack";
  // By .idx, which is moved last: after a crash it still stands for a pack that has moved partly.
  for (const std::string& stem : Stems(from, ".idx")) {
    for (const std::string_view suffix : kPackSuffixes) {
      const std::string name = stem + std::string(suffix);
      if (auto moved = MoveIfThere(from / name, packs() / name); !moved) return moved;
    }
  }
  const stdfs::path graph = staging.path() / "objects" / "info" / "commit-graph";
  if (auto moved = MoveIfThere(graph, commit_graph()); !moved) return moved;
  return SyncDirectory(packs());
}

// Another transfer may have changed the list since this one began: each applies only its
// difference.
Status StoreDirectory::AddShallow(const Staging& staging) const {
  const std::set<Oid> before = staging.shallow_before();
  std::set<Oid> shallow = Shallow();
  const std::size_t count = shallow.size();
  for (const Oid& commit : staging.shallow_after()) {
    if (!before.contains(commit)) shallow.insert(commit);
  }
  return shallow.size() == count ? Status() : SetShallow(shallow);
}

Status StoreDirectory::RemoveShallow(const Staging& staging) const {
  const std::set<Oid> after = staging.shallow_after();
  std::set<Oid> shallow = Shallow();
  const std::size_t count = shallow.size();
  for (const Oid& commit : staging.shallow_before()) {
    if (!after.contains(commit)) shallow.erase(commit);
  }
  return shallow.size() == count ? Status() : SetShallow(shallow);
}

Status StoreDirectory::SetShallow(const std::set<Oid>& commits) const {
  if (commits.empty()) return RemoveTree(path() / "shallow");
  return WriteFileAtomically(path() / "shallow", SerializeShallow(commits));
}

std::uint64_t StoreDirectory::SizeBytes() const {
  return DiskUsageBytes(path_);
}

std::set<Oid> ReadShallowFile(const stdfs::path& path) {
  std::set<Oid> commits;
  const auto text = ReadFile(path);
  if (!text) return commits;
  for (const std::string_view line : Split(*text, '\n')) {
    if (const auto commit = Oid::FromHex(line)) commits.insert(*commit);
  }
  return commits;
}

std::string SerializeShallow(const std::set<Oid>& commits) {
  std::string text;
  for (const Oid& commit : commits) text += commit.Hex() + "\n";
  return text;
}

}  // namespace reposfs
