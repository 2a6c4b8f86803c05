#include "fs/git_objects.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fs/simple_nodes.h"

namespace reposfs {
namespace {

// What may change while the view stays is asked for each time.
constexpr std::chrono::milliseconds kAlwaysAsk(0);

constexpr std::size_t kFanOutSize = 2;
constexpr char kCommitGraphName[] = "commit-graph";

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
      const Outcome<Done> fetched = view_->cache().FetchObject(view_->target_or_empty(), *object);
      if (fetched.waits()) return fetched.As<NodePtr>();
    }
    return Error{Errc::kNotFound, "there are no loose objects"};
  }

  // To git it is the same whether the object does not exist or can't be had.
  Outcome<NodePtr> LookupDespite(const std::string&, Despite, const Error&) override {
    return Error{Errc::kNotFound, "the object can't be fetched"};
  }

  RepositoryPtr repository() const override { return view_->target_or_empty().repository; }

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

  // git walks through here for each file, a dozen times a command.  What is not here yet may come
  // while it runs, and must be seen at once; when all is here, nothing comes unannounced.
  Validity validity() const override {
    const bool complete = repository()->stage() == Stage::kComplete;
    return {kForEver, complete ? Repository::kPacksBelieved : kAlwaysAsk};
  }
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

  RepositoryPtr repository() const override { return view_->target_or_empty().repository; }

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

  RepositoryPtr repository() const override { return view_->target_or_empty().repository; }

 private:
  NodePtr StoreFiles(const std::string& name, const std::filesystem::path& directory,
                     StoreFilesDirectory::Kind kind) const {
    return std::make_shared<StoreFilesDirectory>(IdentityOf(identity(), name, "store"), view_,
                                                 directory, kind);
  }

  const ViewPtr view_;
};

}  // namespace

NodePtr MakeObjectsDirectory(const InodeIdentity& git_directory, const ViewPtr& view) {
  return std::make_shared<ObjectsDirectory>(git_directory, view);
}

}  // namespace reposfs
