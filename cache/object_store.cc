#include "cache/object_store.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace reposfs {
namespace {

Error NotHere(const Oid& id) {
  return Error{Errc::kNotFound, "object " + id.Hex() + " not here"};
}

std::vector<std::string> PackStems(const std::filesystem::path& directory) {
  std::vector<std::string> stems;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::filesystem::path name = entry.path().filename();
    if (name.extension() == ".idx") stems.push_back(name.stem().string());
  }
  return stems;
}

std::vector<PackPtr> OpenAll(const std::filesystem::path& directory) {
  std::vector<PackPtr> packs;
  for (const std::string& stem : PackStems(directory)) {
    // One that vanishes meanwhile is no longer needed; one that is damaged is as good as missing.
    if (auto pack = Pack::Open(directory, stem)) packs.push_back(std::move(*pack));
  }
  // Most objects are in the largest.
  std::stable_sort(packs.begin(), packs.end(), [](const PackPtr& a, const PackPtr& b) {
    return a->index().object_count() > b->index().object_count();
  });
  return packs;
}

}  // namespace

ObjectStore::PacksPtr ObjectStore::OpenPacks() const {
  std::uint64_t generation;
  {
    MutexLock lock(mutex_);
    if (packs_) return packs_;
    generation = generation_;
  }
  auto packs = std::make_shared<const Packs>(OpenAll(std::filesystem::path(objects_) / "pack"));
  MutexLock lock(mutex_);
  // Unless Refresh() was called meanwhile; then they are good for this read only.
  if (generation == generation_) packs_ = packs;
  return packs;
}

ObjectStore::Place ObjectStore::Find(const Packs& packs, const Oid& id) {
  for (const PackPtr& pack : packs) {
    if (const auto position = pack->index().Find(id)) return Place{pack, *position};
  }
  return {};
}

Result<Object> ObjectStore::Read(const Oid& id) const {
  const PacksPtr packs = OpenPacks();
  const Place place = Find(*packs, id);
  if (!place.pack) return NotHere(id);
  const std::uint64_t offset = place.pack->index().OffsetAt(place.position);
  auto object = place.pack->Read(offset, BaseCache::OfProcess());
  if (!object) return std::move(object).error().Within("object " + id.Hex());
  return object;
}

Result<Content> ObjectStore::ReadBlob(const Oid& id) const {
  auto object = Read(id);
  if (!object) return std::move(object).error();
  if (object->type != ObjectType::kBlob) {
    return Error{Errc::kCorrupt, "object " + id.Hex() + " is not a blob"};
  }
  return std::make_shared<const std::string>(std::move(object->content));
}

Result<Commit> ObjectStore::ReadCommit(const Oid& id) const {
  auto object = Read(id);
  if (!object) return std::move(object).error();
  if (object->type != ObjectType::kCommit) {
    return Error{Errc::kInvalidArgument, "object " + id.Hex() + " is not a commit"};
  }
  return ParseCommit(object->content);
}

bool ObjectStore::Contains(const Oid& id) const {
  return Find(*OpenPacks(), id).pack != nullptr;
}

Result<std::vector<std::uint64_t>> ObjectStore::ReadSizes(const std::vector<Oid>& blobs) const {
  const PacksPtr packs = OpenPacks();
  std::vector<std::uint64_t> sizes;
  sizes.reserve(blobs.size());
  for (const Oid& id : blobs) {
    const Place place = Find(*packs, id);
    if (!place.pack) return NotHere(id);
    const auto size = place.pack->ReadSize(place.position);
    if (!size) return size.error().Within("object " + id.Hex());
    sizes.push_back(*size);
  }
  return sizes;
}

bool ObjectStore::LacksSizes() const {
  const PacksPtr packs = OpenPacks();
  return std::any_of(packs->begin(), packs->end(),
                     [](const PackPtr& pack) { return pack->lacks_sizes(); });
}

std::vector<Oid> ObjectStore::Missing(const std::vector<Oid>& ids) const {
  const PacksPtr packs = OpenPacks();
  std::vector<Oid> missing;
  for (const Oid& id : ids) {
    if (!Find(*packs, id).pack) missing.push_back(id);
  }
  return missing;
}

Result<Oid> ObjectStore::ExpandPrefix(std::string_view hex) const {
  if (hex.size() < 4 || hex.size() > Oid::kHexSize) {
    return Error{Errc::kNotFound, "not an abbreviated object id"};
  }
  const PacksPtr packs = OpenPacks();
  std::optional<Oid> found;
  for (const PackPtr& pack : *packs) {
    const PackIndex::Range range = pack->index().WithPrefix(hex);
    for (std::uint32_t index = range.begin; index < range.end; ++index) {
      const Oid id = pack->index().IdAt(index);
      if (found && *found != id) return Error{Errc::kInvalidArgument, "ambiguous abbreviation"};
      found = id;
    }
  }
  if (!found) return Error{Errc::kNotFound, "no object begins with " + std::string(hex)};
  return *found;
}

void ObjectStore::Refresh() {
  PacksPtr closed;  // Closed after the lock is released.
  MutexLock lock(mutex_);
  ++generation_;
  closed.swap(packs_);
}

Result<Commit> ParseCommit(std::string_view content) {
  const Error malformed{Errc::kCorrupt, "malformed commit"};
  constexpr std::string_view kTree = "tree ";
  constexpr std::string_view kCommitter = "\ncommitter ";
  if (!content.starts_with(kTree)) return malformed;
  const auto tree = Oid::FromHex(content.substr(kTree.size(), Oid::kHexSize));
  if (!tree) return malformed;

  Commit commit{*tree, 0};
  const std::string_view header = content.substr(0, content.find("\n\n"));
  if (const std::size_t begin = header.find(kCommitter); begin != std::string_view::npos) {
    std::string_view line = header.substr(begin + kCommitter.size());
    line = line.substr(0, line.find('\n'));
    // A name may hold anything but '>', so the time is what stands behind the last one.
    if (const std::size_t end = line.rfind("> "); end != std::string_view::npos) {
      line.remove_prefix(end + 2);
      std::from_chars(line.data(), line.data() + line.size(), commit.committer_time_s);
    }
  }
  return commit;
}

}  // namespace reposfs
