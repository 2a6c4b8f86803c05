#include "fs/git_nodes.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/file_util.h"
#include "fs/git_index.h"
#include "fs/git_objects.h"
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

  RepositoryPtr repository() const override { return view_->target_or_empty().repository; }

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
    const Target target = view_->target_or_empty();
    if (name == "HEAD") return Text(name, GitHead(target.ref), kForEver);
    if (name == "config") return Config(target);
    if (name == "description") return Text(name, view_->key().Text() + "\n", kForEver);
    if (name == "packed-refs") return PackedRefs(target);
    if (name == "shallow") {
      std::string shallow = SerializeShallow(target.repository->directory().Shallow());
      if (!shallow.empty()) return Text(name, std::move(shallow), kBriefly);
    }
    if (name == "index") return NodePtr(std::make_shared<IndexFile>(identity(), view_));
    if (name == "objects") return NodePtr(MakeObjectsDirectory(identity(), view_));
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
    if (!view_->target_or_empty().repository->directory().Shallow().empty())
      add("shallow", S_IFREG);
    for (const char* name : {"info", "objects", "refs"}) add(name, S_IFDIR);
    return ListingPtr(std::move(listing));
  }

  RepositoryPtr repository() const override { return view_->target_or_empty().repository; }

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
