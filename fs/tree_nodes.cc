#include "fs/tree_nodes.h"

#include <algorithm>
#include <utility>

namespace reposfs {
namespace {

// How much longer than lru.granularity directories are believed.
constexpr int kBelowRootFactor = 6;

constexpr std::uint64_t kSizeMaxBytes = (std::uint64_t{1} << 56) - 1;

// A file or a symbolic link.
//
// There are more of these than of all others together, so it keeps only what its directory can't
// tell, in an order without gaps.
class BlobNode final : public Node {
 public:
  BlobNode(InodeIdentity identity, TreeDirectoryPtr directory, const TreeEntry& entry,
           std::uint64_t size_bytes)
      : Node(identity),
        oid_(entry.oid),
        directory_(std::move(directory)),
        size_bytes_(std::min(size_bytes, kSizeMaxBytes) & kSizeMaxBytes),  // The mask is for GCC.
        type_(entry.type) {}

  Validity validity() const override { return {kForEver, kForEver}; }

  Outcome<Attributes> GetAttributes() override {
    return Attributes{ModeOf(type_), size_bytes_, directory_->view()->modified()};
  }

  Outcome<Piece> Read(std::uint64_t offset, std::size_t size) override {
    if (offset == 0) directory_->NoteReading(oid_);
    auto data = Load();
    if (!data.has_value()) return data.As<Piece>();
    // After the last piece nobody will ask again: the kernel has the pages.  It may ask for pieces
    // in any order, and on several threads.
    const std::uint64_t rest = size_bytes_ - std::min<std::uint64_t>(offset, size_bytes_);
    directory_->view()->cache().blobs().NoteRead(CacheKey(), std::min<std::uint64_t>(size, rest));
    return Piece{std::move(data.value()), offset, size};
  }

  Outcome<std::string> ReadLink() override {
    if (type_ != EntryType::kSymlink) return Node::ReadLink();
    constexpr std::uint64_t kTargetSizeMax = 4095;  // The kernel carries no more.
    if (size_bytes_ > kTargetSizeMax) return Error{Errc::kIo, "symbolic link too long"};
    auto content = ReadBlob();
    if (!content.has_value()) return content.As<std::string>();
    return *content.value();
  }

  std::vector<std::pair<std::string, std::string>> ExtendedAttributes() override {
    return {{"user.reposfs.oid", oid_.Hex()}};
  }

  RepositoryPtr repository() const override { return directory_->repository(); }

 private:
  BlobCache::Key CacheKey() const { return {static_cast<std::uint64_t>(repository()->id()), oid_}; }

  Outcome<Content> ReadBlob() {
    Outcome<Target> target = directory_->view()->target();
    if (!target.has_value()) return target.As<Content>();
    return directory_->view()->cache().ReadBlob(target.value(), directory_->shown_tree(), oid_);
  }

  Outcome<BlobDataPtr> Load() {
    FlightPtr flight;
    auto data = directory_->view()->cache().blobs().Get(CacheKey(), [&]() -> Result<Content> {
      Outcome<Content> content = ReadBlob();
      if (!content.waits()) return std::move(content.result());
      flight = content.flight();
      return Error{Errc::kNotFound, "not here yet"};
    });
    if (flight) return flight;
    if (!data) return std::move(data).error();
    return std::move(*data);
  }

  const Oid oid_;
  const TreeDirectoryPtr directory_;
  const std::uint64_t size_bytes_ : 56;
  const EntryType type_ : 8;
};
static_assert(sizeof(BlobNode) == 72, "the cost of a file is stated in fs/node_table.h");

// Where a submodule would be checked out: an empty directory, as after `git clone`.
class SubmoduleDirectory final : public Node {
 public:
  SubmoduleDirectory(InodeIdentity identity, ViewPtr view, Oid commit)
      : Node(identity), view_(std::move(view)), commit_(commit) {}

  Validity validity() const override { return {kForEver, kForEver}; }
  Outcome<Attributes> GetAttributes() override {
    return Attributes{S_IFDIR | 0755, 0, view_->modified()};
  }
  Outcome<NodePtr> Lookup(const std::string&) override {
    return Error{Errc::kNotFound, "a submodule is an empty directory"};
  }
  Outcome<ListingPtr> List() override { return std::make_shared<const Listing>(); }
  std::vector<std::pair<std::string, std::string>> ExtendedAttributes() override {
    return {{"user.reposfs.oid", commit_.Hex()}};
  }

 private:
  const ViewPtr view_;
  const Oid commit_;
};

// Whether git would take the directory for a bare repository and do what its `config` says.
bool LooksLikeBareRepository(const Directory& directory) {
  const TreeEntry* head = directory.Find("HEAD");
  const TreeEntry* objects = directory.Find("objects");
  const TreeEntry* refs = directory.Find("refs");
  // A `commondir` file says that objects and refs are elsewhere.
  const bool complete = objects != nullptr && refs != nullptr;
  return head != nullptr && head->type != EntryType::kDirectory &&
         (complete || directory.Find("commondir") != nullptr);
}

}  // namespace

mode_t ModeOf(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return S_IFREG | 0644;
    case EntryType::kExecutable:
      return S_IFREG | 0755;
    case EntryType::kSymlink:
      return S_IFLNK | 0777;
    case EntryType::kDirectory:
    case EntryType::kSubmodule:
      return S_IFDIR | 0755;
  }
  return 0;
}

InodeIdentity IdentityOfEntry(const InodeIdentity& directory, const TreeEntry& entry) {
  return IdentityOf(directory, entry.name,
                    std::string_view(reinterpret_cast<const char*>(entry.oid.bytes.data()),
                                     entry.oid.bytes.size()));
}

TreeDirectory::TreeDirectory(InodeIdentity identity, ViewPtr view, Oid tree)
    : Node(identity), view_(std::move(view)), tree_(tree) {}

Validity TreeDirectory::validity() const {
  // Finite, so that somebody is seen who stays below the view's root, which is asked for each
  // second.  But each costs a request: 5,000 in the kernel tree, as long as a whole warm `find`.
  const auto believed = kBelowRootFactor * view_->cache().options().lru.granularity;
  return {believed, believed};
}

RepositoryPtr TreeDirectory::repository() const {
  const auto target = view_->target_if_known();
  return target ? target->repository : nullptr;
}

Outcome<DirectoryPtr> TreeDirectory::ReadTree(const Oid& tree, Sizes sizes) {
  if (tree.IsNull()) return std::make_shared<const Directory>();
  Outcome<Target> target = view_->target();
  if (!target.has_value()) return target.As<DirectoryPtr>();
  return view_->cache().ReadDirectory(target.value(), tree, sizes);
}

Outcome<Attributes> TreeDirectory::GetAttributes() {
  Outcome<DirectoryPtr> directory = ReadTree(tree_, Sizes::kNotNeeded);
  if (!directory.has_value()) return directory.As<Attributes>();
  Attributes attributes{S_IFDIR | 0755, 0, view_->modified()};
  attributes.foreign_owner = LooksLikeBareRepository(*directory.value());
  return attributes;
}

NodePtr TreeDirectory::MakeChild(const Directory& directory, const TreeEntry& entry) {
  const InodeIdentity identity = IdentityOfEntry(base(), entry);
  switch (entry.type) {
    case EntryType::kDirectory:
      return std::make_shared<TreeDirectory>(identity, view_, entry.oid);
    case EntryType::kSubmodule:
      return std::make_shared<SubmoduleDirectory>(identity, view_, entry.oid);
    default:
      break;
  }
  if (!directory.has_sizes()) return nullptr;
  const auto index = static_cast<std::size_t>(&entry - directory.entries.data());
  return std::make_shared<BlobNode>(identity, shared_from_this(), entry,
                                    directory.sizes_bytes[index]);
}

Outcome<NodePtr> TreeDirectory::LookupIn(const Oid& tree, const std::string& name) {
  Outcome<DirectoryPtr> directory = ReadTree(tree, Sizes::kNotNeeded);
  if (!directory.has_value()) return directory.As<NodePtr>();
  const TreeEntry* entry = directory.value()->Find(name);
  if (entry == nullptr) return Error{Errc::kNotFound, "no such entry"};
  if (NodePtr child = MakeChild(*directory.value(), *entry)) return child;
  Outcome<DirectoryPtr> sized = ReadTree(tree, Sizes::kNeeded);
  if (sized.waits()) return sized.As<NodePtr>();
  if (!sized.has_value()) {
    // It must not be taken for the absence of the name, which is believed for ever.
    const Error& why = sized.result().error();
    return why.code == Errc::kNotFound ? Error{Errc::kIo, why.message} : why;
  }
  return MakeChild(*sized.value(), *sized.value()->Find(name));
}

Outcome<NodePtr> TreeDirectory::Lookup(const std::string& name) {
  return LookupIn(tree_, name);
}

void TreeDirectory::NoteReading(const Oid& blob) const {
  if (const auto target = view_->target_if_known()) {
    view_->cache().NoteReading(*target, shown_tree(), blob);
  }
}

Node::LookupIfHere TreeDirectory::PrepareLookupsIn(const Oid& tree) {
  // Read once for all names: a directory may have a million.
  const Outcome<DirectoryPtr> read = ReadTree(tree, Sizes::kIfHere);
  if (const auto target = view_->target_if_known()) view_->cache().NoteListed(*target, tree);
  const DirectoryPtr directory = read.has_value() ? *read.result() : nullptr;
  return [this, directory](const std::string& name) -> NodePtr {
    const TreeEntry* entry = directory ? directory->Find(name) : nullptr;
    return entry != nullptr ? MakeChild(*directory, *entry) : nullptr;
  };
}

Node::LookupIfHere TreeDirectory::PrepareLookups() {
  return PrepareLookupsIn(tree_);
}

ListedEntry TreeDirectory::Listed(const TreeEntry& entry) const {
  return ListedEntry{entry.name, IdentityOfEntry(base(), entry).number,
                     ModeOf(entry.type) & S_IFMT};
}

Outcome<ListingPtr> TreeDirectory::List() {
  Outcome<DirectoryPtr> directory = ReadTree(tree_, Sizes::kNotNeeded);
  if (!directory.has_value()) return directory.As<ListingPtr>();
  auto listing = std::make_shared<Listing>();
  listing->reserve(directory.value()->entries.size());
  for (const TreeEntry& entry : directory.value()->entries) listing->push_back(Listed(entry));
  return ListingPtr(std::move(listing));
}

std::vector<std::pair<std::string, std::string>> TreeDirectory::ExtendedAttributes() {
  return {{"user.reposfs.oid", tree_.Hex()}};
}

}  // namespace reposfs
