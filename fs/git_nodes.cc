#include "fs/git_nodes.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/file_util.h"
#include "fs/git_index.h"
#include "fs/git_text.h"
#include "fs/simple_nodes.h"
#include "fs/unchanged_hook.h"
#include "fs/virtual_files.h"

namespace reposfs {
namespace {

// What may change while the view stays: asked for each time...
constexpr std::chrono::milliseconds kAlwaysAsk(0);
// ... or, since one git command asks for a file dozens of times, once a command.
constexpr std::chrono::milliseconds kBriefly(50);

constexpr std::size_t kFanOutSize = 2;
constexpr char kCommitGraphName[] = "commit-graph";

Target TargetOf(const ViewPtr& view) {
  auto target = view->target_if_known();
  return target ? std::move(*target) : Target{};
}

// Made on first use and kept in the cache of blobs until the kernel has read it, which then has the
// pages.  If it is asked for again it is made again: the same view gives the same bytes.
class IndexFile final : public Node {
 public:
  IndexFile(const InodeIdentity& directory, ViewPtr view)
      : Node(IdentityOf(directory, "index", "index")), view_(std::move(view)) {}

  Validity validity() const override { return {kForEver, kForEver}; }

  Outcome<Attributes> GetAttributes() override {
    std::uint64_t size_bytes = size_bytes_.load(std::memory_order_relaxed);
    if (size_bytes == 0) {
      Outcome<BlobDataPtr> data = Load();
      if (!data.has_value()) return data.As<Attributes>();
      size_bytes = data.value()->size_bytes();
      size_bytes_.store(size_bytes, std::memory_order_relaxed);
    }
    // Later than every file, or git would take each for changed while the index was written.
    return Attributes{S_IFREG | 0644, size_bytes, view_->modified() + std::chrono::seconds(1)};
  }

  Outcome<Piece> Read(std::uint64_t offset, std::size_t size) override {
    Outcome<BlobDataPtr> data = Load();
    if (!data.has_value()) return data.As<Piece>();
    const std::uint64_t all = data.value()->size_bytes();
    if (offset < all) {
      view_->cache().blobs().NoteRead(CacheKey(), std::min<std::uint64_t>(size, all - offset));
    }
    return Piece{std::move(data.value()), offset, size};
  }

  RepositoryPtr repository() const override { return TargetOf(view_).repository; }

 private:
  // The null object stands for the index; no blob has its id.
  BlobCache::Key CacheKey() const { return {ino(), Oid{}}; }

  Outcome<BlobDataPtr> Load() {
    FlightPtr flight;
    auto data = view_->cache().blobs().Get(CacheKey(), [&]() -> Result<Content> {
      Outcome<std::string> index = BuildGitIndex(view_);
      if (index.has_value()) {
        return std::make_shared<const std::string>(std::move(index.value()));
      }
      if (!index.waits()) return std::move(index.result()).error();
      flight = index.flight();
      return Error{Errc::kNotFound, "not here yet"};
    });
    if (flight) return flight;
    if (!data) return std::move(data).error();
    return std::move(*data);
  }

  const ViewPtr view_;
  // Relaxed: each thread that sees 0 finds the size by itself.
  std::atomic<std::uint64_t> size_bytes_ = 0;
};

// objects/xx: nothing is ever in it, but to look into it brings the object into a pack, and git
// looks through the packs once more before it gives up.
class FanOutDirectory final : public Node {
 public:
  FanOutDirectory(const InodeIdentity& directory, std::string digits, ViewPtr view)
      : Node(IdentityOf(directory, digits, "fan-out")),
        digits_(std::move(digits)),
        view_(std::move(view)) {}

  Validity validity() const override { return {kForEver, kForEver}; }
  Outcome<Attributes> GetAttributes() override {
    return Attributes{S_IFDIR | 0755, 0, view_->modified()};
  }
  Outcome<ListingPtr> List() override { return std::make_shared<const Listing>(); }
  // To be asked is what it is here for.
  std::chrono::milliseconds negative_validity(const std::string&) const override {
    return kAlwaysAsk;
  }

  Outcome<NodePtr> Lookup(const std::string& name) override {
    if (const auto object = Oid::FromHex(digits_ + name)) {
      const Outcome<Done> fetched = view_->cache().FetchObject(TargetOf(view_), *object);
      if (fetched.waits()) return fetched.As<NodePtr>();
    }
    return Error{Errc::kNotFound, "there are no loose objects"};
  }

  // To git it is the same whether the object does not exist or can't be had.
  Outcome<NodePtr> LookupDespite(const std::string&, Despite, const Error&) override {
    return Error{Errc::kNotFound, "the object can't be fetched"};
  }

  RepositoryPtr repository() const override { return TargetOf(view_).repository; }

 private:
  const std::string digits_;
  const ViewPtr view_;
};

// objects/pack and objects/info: files of the store, as they are on the disk now.
class StoreFilesDirectory final : public Node {
 public:
  struct Kind {
    // The names that may be seen now.
    std::vector<std::string> (*names)(const StoreDirectory& store);
    // Whether a file of this name may come.
    bool (*may_come)(std::string_view name);
  };

  StoreFilesDirectory(InodeIdentity identity, ViewPtr view, std::filesystem::path directory,
                      Kind kind)
      : Node(identity), view_(std::move(view)), directory_(std::move(directory)), kind_(kind) {}

  Validity validity() const override { return {kForEver, kAlwaysAsk}; }
  std::chrono::milliseconds negative_validity(const std::string& name) const override {
    return kind_.may_come(name) ? kAlwaysAsk : kForEver;
  }

  Outcome<Attributes> GetAttributes() override {
    // The kernel, and git, list the directory again when its time has changed.
    const auto generation = static_cast<std::int64_t>(repository()->generation());
    return Attributes{S_IFDIR | 0755, 0, view_->modified() + std::chrono::microseconds(generation)};
  }

  Outcome<NodePtr> Lookup(const std::string& name) override {
    const std::vector<std::string> names = kind_.names(repository()->directory());
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return Error{Errc::kNotFound, "no such file"};
    }
    return DiskFile::Open(identity(), name, directory_ / name, view_);
  }

  Outcome<ListingPtr> List() override {
    auto listing = std::make_shared<Listing>();
    for (const std::string& name : kind_.names(repository()->directory())) {
      listing->push_back(ListedEntry{name, IdentityOf(identity(), name, "listed").number, S_IFREG});
    }
    return ListingPtr(std::move(listing));
  }

  RepositoryPtr repository() const override { return TargetOf(view_).repository; }

 private:
  const ViewPtr view_;
  const std::filesystem::path directory_;
  const Kind kind_;
};

bool IsPackName(std::string_view name) {
  return name.ends_with(".idx") || name.ends_with(".pack") || name.ends_with(".rev");
}

std::vector<std::string> PackNames(const StoreDirectory& store) {
  std::vector<std::string> names;
  for (const StoredFile& file : store.PackFiles()) {
    if (IsPackName(file.name)) names.push_back(file.name);
  }
  return names;
}

std::vector<std::string> InfoNames(const StoreDirectory& store) {
  std::error_code error;
  if (!std::filesystem::exists(store.commit_graph(), error)) return {};
  return {kCommitGraphName};
}

bool IsInfoName(std::string_view name) {
  return name == kCommitGraphName;
}

// objects: 256 directories that exist only to be looked into, the packs, and info.
class ObjectsDirectory final : public Node {
 public:
  ObjectsDirectory(const InodeIdentity& directory, ViewPtr view)
      : Node(IdentityOf(directory, "objects", "objects")), view_(std::move(view)) {}

  Validity validity() const override { return {kForEver, kForEver}; }
  Outcome<Attributes> GetAttributes() override {
    return Attributes{S_IFDIR | 0755, 0, view_->modified()};
  }

  Outcome<NodePtr> Lookup(const std::string& name) override {
    const StoreDirectory& store = repository()->directory();
    if (name == "pack") return StoreFiles(name, store.packs(), {PackNames, IsPackName});
    if (name == "info")
      return StoreFiles(name, store.commit_graph().parent_path(), {InfoNames, IsInfoName});
    const bool fan_out = name.size() == kFanOutSize &&
                         name.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!fan_out) return Error{Errc::kNotFound, "no such entry"};
    return NodePtr(std::make_shared<FanOutDirectory>(identity(), name, view_));
  }

  Outcome<ListingPtr> List() override {
    auto listing = std::make_shared<Listing>();
    for (const char* name : {"info", "pack"}) {
      listing->push_back(ListedEntry{name, IdentityOf(identity(), name, "listed").number, S_IFDIR});
    }
    return ListingPtr(std::move(listing));
  }

  RepositoryPtr repository() const override { return TargetOf(view_).repository; }

 private:
  NodePtr StoreFiles(const std::string& name, const std::filesystem::path& directory,
                     StoreFilesDirectory::Kind kind) const {
    return std::make_shared<StoreFilesDirectory>(IdentityOf(identity(), name, "store"), view_,
                                                 directory, kind);
  }

  const ViewPtr view_;
};

// The refs whose objects are here.
std::vector<Ref> PresentRefs(const Repository& repository) {
  const RefSnapshotPtr snapshot = repository.refs();
  if (!snapshot) return {};
  std::vector<Ref> present;
  if (repository.stage() == Stage::kComplete) {
    std::vector<Oid> objects;
    for (const Ref& ref : snapshot->refs()) objects.push_back(ref.object);
    const std::vector<Oid> missing = repository.objects().Missing(objects);
    if (missing.empty()) return snapshot->refs();
  }
  for (const Ref& ref : snapshot->refs()) {
    const bool here = repository.StageOf(ref.target()) != Stage::kAbsent &&
                      (ref.peeled.IsNull() || repository.objects().Contains(ref.object));
    if (here) present.push_back(ref);
  }
  return present;
}

class GitDirectory final : public Node {
 public:
  explicit GitDirectory(ViewPtr view)
      : Node(IdentityOf(view->identity(), ".git", "git")), view_(std::move(view)) {}

  Validity validity() const override { return {kForEver, kForEver}; }
  std::chrono::milliseconds negative_validity(const std::string& name) const override {
    // A repository may become shallow again, and git must not miss it.
    return name == "shallow" ? kAlwaysAsk : kForEver;
  }
  Outcome<Attributes> GetAttributes() override {
    return Attributes{S_IFDIR | 0755, 0, view_->modified()};
  }

  Outcome<NodePtr> Lookup(const std::string& name) override {
    const Target target = TargetOf(view_);
    if (name == "HEAD") return Text(name, GitHead(target.ref), kForEver);
    if (name == "config") return Config(target);
    if (name == "description") return Text(name, view_->key().Text() + "\n", kForEver);
    if (name == "packed-refs") return PackedRefs(target);
    if (name == "shallow") {
      std::string shallow = SerializeShallow(target.repository->directory().Shallow());
      if (!shallow.empty()) return Text(name, std::move(shallow), kBriefly);
    }
    if (name == "index") return NodePtr(std::make_shared<IndexFile>(identity(), view_));
    if (name == "objects") return NodePtr(std::make_shared<ObjectsDirectory>(identity(), view_));
    if (name == "info") return NodePtr(MakeInfo());
    if (name == "refs") return NodePtr(MakeRefs(target));
    if (!name.empty() && name == UnchangedName(*view_)) return Text(name, "", kForEver);
    return Error{Errc::kNotFound, "no such entry"};
  }

  Outcome<ListingPtr> List() override {
    auto listing = std::make_shared<Listing>();
    const auto add = [&](const char* name, mode_t type) {
      listing->push_back(ListedEntry{name, IdentityOf(identity(), name, "listed").number, type});
    };
    for (const char* name : {"HEAD", "config", "description", "index", "packed-refs"}) {
      add(name, S_IFREG);
    }
    if (!TargetOf(view_).repository->directory().Shallow().empty()) add("shallow", S_IFREG);
    for (const char* name : {"info", "objects", "refs"}) add(name, S_IFDIR);
    return ListingPtr(std::move(listing));
  }

  RepositoryPtr repository() const override { return TargetOf(view_).repository; }

 private:
  // What the refs that are shown depend on.
  using Version = std::pair<std::uint64_t, Stage>;

  NodePtr Text(const std::string& name, std::string content,
               std::chrono::milliseconds validity) const {
    return std::make_shared<TextFile>(identity(), name, std::move(content), view_, validity);
  }

  Outcome<NodePtr> Config(const Target& target) const {
    const Outcome<bool> has_hook = HasHook(*view_);
    if (!has_hook.has_value()) return has_hook.As<NodePtr>();
    const std::string hook = *has_hook.result() ? UnchangedHookCommand() : "";
    return Text("config", GitConfig(target.ref, target.repository->record().upstream, hook),
                kForEver);
  }

  // The same node until a ref or what is here has changed: a repository may have 100,000 refs.
  NodePtr PackedRefs(const Target& target) REPOSFS_EXCLUDES(mutex_) {
    // Before the refs are read, so that a change meanwhile is seen by the next lookup.
    const Version version{target.repository->generation(), target.repository->stage()};
    {
      MutexLock lock(mutex_);
      NodePtr known = packed_refs_.lock();
      if (known && packed_refs_version_ == version) return known;
    }
    NodePtr made =
        Text("packed-refs", GitPackedRefs(target.ref, PresentRefs(*target.repository)), kBriefly);
    MutexLock lock(mutex_);
    packed_refs_ = made;
    packed_refs_version_ = version;
    return made;
  }

  NodePtr Fixed(const InodeIdentity& parent, const std::string& name,
                std::vector<FixedDirectory::Entry> entries) const {
    return std::make_shared<FixedDirectory>(IdentityOf(parent, name, "fixed"), view_,
                                            std::move(entries));
  }

  FixedDirectory::Entry FixedEntry(const std::string& name,
                                   std::vector<FixedDirectory::Entry> entries) const {
    return {name, S_IFDIR, [view = view_, name, entries](const InodeIdentity& parent) {
              return Outcome<NodePtr>(std::make_shared<FixedDirectory>(
                  IdentityOf(parent, name, "fixed"), view, entries));
            }};
  }

  FixedDirectory::Entry TextEntry(const std::string& name, const std::string& content) const {
    return {name, S_IFREG, [view = view_, name, content](const InodeIdentity& parent) {
              return Outcome<NodePtr>(
                  std::make_shared<TextFile>(parent, name, content, view, kForEver));
            }};
  }

  NodePtr MakeInfo() const {
    return Fixed(identity(), "info", {TextEntry("exclude", GitExclude(VirtualFileNames()))});
  }

  NodePtr MakeRefs(const Target& target) const {
    std::vector<FixedDirectory::Entry> origin;
    const RefSnapshotPtr refs = target.repository->refs();
    constexpr std::string_view kHeads = "refs/heads/";
    if (refs && refs->head_branch().starts_with(kHeads) &&
        target.repository->StageOf(refs->head()) != Stage::kAbsent) {
      origin.push_back(TextEntry(
          "HEAD", "ref: refs/remotes/origin/" + refs->head_branch().substr(kHeads.size()) + "\n"));
    }
    return Fixed(identity(), "refs",
                 {FixedEntry("heads", {}), FixedEntry("tags", {}),
                  FixedEntry("remotes", {FixedEntry("origin", std::move(origin))})});
  }

  const ViewPtr view_;

  Mutex mutex_;  // A leaf lock.
  // What the kernel knows keeps it.
  std::weak_ptr<Node> packed_refs_ REPOSFS_GUARDED_BY(mutex_);
  Version packed_refs_version_ REPOSFS_GUARDED_BY(mutex_);
};

}  // namespace

NodePtr MakeGitDirectory(const ViewPtr& view) {
  return std::make_shared<GitDirectory>(view);
}

}  // namespace reposfs
